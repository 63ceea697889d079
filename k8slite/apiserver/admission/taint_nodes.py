"""A new node is tainted not-ready until it has reported otherwise.

Mirrors upstream's plugin TaintNodesByCondition.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from k8slite.apiserver.attributes import Attributes


@frozen
class TaintNodesByCondition:
    """Upstream's plugin of that name."""

    resources: Sequence[str] = ("nodes",)
    operations: Sequence[str] = ("CREATE",)
    subresources: bool = False

    async def mutate(self, attributes: Attributes) -> None:
        assert attributes.new is not None
        spec = attributes.new.setdefault("spec", {})
        taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
        if taint not in spec.setdefault("taints", []):
            spec["taints"].append(taint)
