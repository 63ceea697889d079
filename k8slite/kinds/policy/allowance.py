"""What a PodDisruptionBudget's status says of disruptions. Pure.

Mirrors `pkg/controller/disruption` (counts) and `pkg/apis/policy/helper` (the condition).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from k8slite.kinds.models import LabelSelector
from k8slite.objects.intstr import scaled
from k8slite.objects.meta import find_condition, timestamp
from k8slite.objects.selectors import Selector, selector_of
from k8slite.objects.structure import structure

Json = dict[str, Any]

CONDITION: Final = "DisruptionAllowed"


def desired_healthy(spec: Json, pods: int, scale: int) -> tuple[int, int]:
    """How many pods must stay healthy, and of how many: `pods` that match, or what their
    controllers ask for (`scale`)."""
    most, least = spec.get("maxUnavailable"), spec.get("minAvailable")
    if most is not None:
        return max(0, scale - scaled(most, scale, round_up=True)), scale
    if isinstance(least, int):
        return least, pods
    if least is not None:
        return scaled(least, scale, round_up=True), scale
    return 0, pods


def selector_of_budget(spec: Json) -> Selector | None:
    """Which pods it is about: an absent selector is none (None), an empty one all."""
    wanted = spec.get("selector")
    return None if wanted is None else selector_of(structure(wanted, LabelSelector))


def by_scale(spec: Json) -> bool:
    """Whether it counts what controllers ask for, not the pods that there are."""
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def with_condition(status: Json, generation: int, now: datetime, error: str = "") -> Json:
    """A status whose condition says whether it allows disruptions."""
    allowed = status.get("disruptionsAllowed", 0) > 0 and not error
    reason = "SyncFailed" if error else "SufficientPods" if allowed else "InsufficientPods"
    value = "True" if allowed else "False"
    conditions = list(status.get("conditions") or ())
    known = find_condition(conditions, CONDITION)
    moment = timestamp(now)
    if known is not None and known["status"] == value:
        moment = known.get("lastTransitionTime") or moment
    new = {
        "type": CONDITION,
        "status": value,
        "observedGeneration": generation,
        "lastTransitionTime": moment,
        "reason": reason,
        "message": error,
    }
    others = [one for one in conditions if one.get("type") != CONDITION]
    return {**status, "conditions": [*others, new]}
