"""Which object of a kind is marked as the default one, by an annotation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from k8slite.apiserver.storage import Storage

Json = dict[str, Any]


def default_class(storage: Storage, prefix: str, annotations: Sequence[str]) -> Json | None:
    """The newest of those that are marked, by name where two are as new; None without one."""
    marked = [
        obj
        for _, obj in storage.every(prefix)
        if any(
            (obj["metadata"].get("annotations") or {}).get(name) == "true" for name in annotations
        )
    ]
    marked.sort(key=lambda obj: obj["metadata"]["name"])
    marked.sort(key=lambda obj: str(obj["metadata"]["creationTimestamp"]), reverse=True)
    return marked[0] if marked else None
