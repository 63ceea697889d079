"""The taints that follow from a node's conditions.

Pure. Upstream: `pkg/controller/nodelifecycle` (doNoScheduleTaintingPass, processTaintBaseEviction).
Taints of other keys, and NoExecute taints of keys other than these two, are somebody else's.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.models import Node

Json = dict[str, Any]

NOT_READY: Final = "node.kubernetes.io/not-ready"
UNREACHABLE: Final = "node.kubernetes.io/unreachable"
UNSCHEDULABLE: Final = "node.kubernetes.io/unschedulable"
# A condition in that state leads to a NoSchedule taint of that key.
_OF_CONDITION: Final = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
}
_OURS: Final = frozenset(_OF_CONDITION.values()) | {UNSCHEDULABLE}


def executing_key(node: Node) -> str:
    """The key of the NoExecute taint that a node should have in the end; "" for none."""
    ready = node.condition("Ready")
    return _OF_CONDITION.get(("Ready", ready.status), "") if ready else ""


def executing(node: Node) -> set[str]:
    """The keys of the NoExecute taints that it has of ours; for looking up only."""
    return {
        taint.key
        for taint in node.spec.taints
        if taint.effect == "NoExecute" and taint.key in (NOT_READY, UNREACHABLE)
    }


def wanted_taints(node: Node, taints: list[Json], execute: str, now: str) -> list[Json] | None:
    """All taints that a node should have now, given those it has; None when it has them.

    `execute` is the key of the NoExecute taint that is due, or "".
    """
    wanted = {
        (_OF_CONDITION[condition.type, condition.status], "NoSchedule"): None
        for condition in node.status.conditions
        if (condition.type, condition.status) in _OF_CONDITION
    }
    if node.spec.unschedulable:
        wanted[UNSCHEDULABLE, "NoSchedule"] = None
    if execute:
        wanted[execute, "NoExecute"] = None
    kept = []
    for taint in taints:
        key = (taint["key"], taint["effect"])
        if key in wanted:
            del wanted[key]
            kept.append(taint)
        elif not _is_ours(*key):
            kept.append(taint)
    if not wanted and len(kept) == len(taints):
        return None
    return kept + [{"key": key, "effect": effect, "timeAdded": now} for key, effect in wanted]


def _is_ours(key: str, effect: str) -> bool:
    if effect == "NoSchedule":
        return key in _OURS
    return effect == "NoExecute" and key in (NOT_READY, UNREACHABLE)
