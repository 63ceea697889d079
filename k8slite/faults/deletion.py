"""What a user who deletes an object and makes it anew takes over from the old one."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

_KEPT: Final = ("name", "namespace", "labels", "annotations", "finalizers")


def anew(known: Json) -> Json:
    """An object to create, as it was, without what the server gives and without its status."""
    metadata = {key: value for key, value in known["metadata"].items() if key in _KEPT}
    return {key: value for key, value in known.items() if key != "status"} | {"metadata": metadata}
