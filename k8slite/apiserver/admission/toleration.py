"""Every pod tolerates a node that is not ready or unreachable for five minutes.

Mirrors upstream's plugin DefaultTolerationSeconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from k8slite.apiserver.attributes import Attributes

_SECONDS: Final = 300  # upstream's default for both flags
_KEYS: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


@frozen
class DefaultTolerationSeconds:
    """Upstream's plugin of that name."""

    resources: Sequence[str] = ("pods",)
    operations: Sequence[str] = ("CREATE", "UPDATE")
    subresources: bool = False

    async def mutate(self, attributes: Attributes) -> None:
        assert attributes.new is not None
        spec = attributes.new["spec"]
        present = spec.get("tolerations") or []
        missing = [
            key
            for key in _KEYS
            if not any(
                toleration.get("key") in (key, None, "")
                and toleration.get("effect") in ("NoExecute", None, "")
                for toleration in present
            )
        ]
        if missing:
            spec["tolerations"] = present + [
                {
                    "key": key,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": _SECONDS,
                }
                for key in missing
            ]
