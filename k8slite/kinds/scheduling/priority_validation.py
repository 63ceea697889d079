"""PriorityClasses (upstream: `pkg/apis/scheduling/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, not_supported
from k8slite.objects.metadata_validation import immutable

Json = dict[str, Any]

# What lies above is kept for Kubernetes' own components.
HIGHEST_USER_VALUE: Final = 1_000_000_000
SYSTEM: Final = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


def validate_priority_class(new: Json, old: Json | None) -> list[Cause]:
    """A PriorityClass, whose value and policy never change."""
    value, policy = new.get("value", 0), new.get("preemptionPolicy")
    found: list[Cause] = []
    if old is not None:
        if value != old.get("value", 0):
            found.append(forbidden("value", "may not be changed in an update."))
        found += immutable("preemptionPolicy", policy, old.get("preemptionPolicy"))
        return found
    name = new["metadata"].get("name", "")
    if name.startswith("system-"):
        wrong = _not_the_systems(name, value, is_default=bool(new.get("globalDefault")))
        if wrong:
            text = (
                "priority class names with 'system-' prefix are reserved for system use only. "
                f"error: {wrong}"
            )
            found.append(forbidden("metadata.name", text))
    elif value > HIGHEST_USER_VALUE:
        text = f"maximum allowed value of a user defined priority is {HIGHEST_USER_VALUE}"
        found.append(forbidden("value", text))
    if policy is not None and policy not in ("Never", "PreemptLowerPriority"):
        found.append(not_supported("preemptionPolicy", policy, ("Never", "PreemptLowerPriority")))
    return found


def _not_the_systems(name: str, value: int, *, is_default: bool) -> str:
    """What tells a class from the system's own of its name; "" if nothing does."""
    wanted = SYSTEM.get(name)
    if wanted is None:
        return f"{name} is not a known system priority class"
    if value != wanted:
        return f"value of {name} PriorityClass must be {wanted}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""
