"""PodDisruptionBudgets (upstream: `pkg/apis/policy/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.controller_validation import not_negative_counts
from k8slite.kinds.core.selector_validation import validate_label_selector
from k8slite.objects.condition_validation import validate_conditions
from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, not_supported
from k8slite.objects.metadata_validation import NOT_NEGATIVE, each
from k8slite.objects.names import is_percent

Json = dict[str, Any]


def validate_budget(new: Json, _old: Json | None) -> list[Cause]:
    """A PodDisruptionBudget."""
    spec = new["spec"]
    found: list[Cause] = []
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        # The internal type has no names for JSON, so Go prints those of its fields.
        shown = {
            "MinAvailable": least,
            "Selector": spec.get("selector"),
            "MaxUnavailable": most,
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        text = "minAvailable and maxUnavailable cannot be both set"
        found.append(invalid("spec", shown, text))
    for key, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            found += _share(value, f"spec.{key}")
    found += validate_label_selector(spec.get("selector"), "spec.selector")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in ("AlwaysAllow", "IfHealthyBudget"):
        at = "spec.unhealthyPodEvictionPolicy"
        found.append(not_supported(at, policy, ("AlwaysAllow", "IfHealthyBudget")))
    return found


def validate_budget_status(new: Json, _old: Json | None) -> list[Cause]:
    """The conditions and counts of a PodDisruptionBudget."""
    status = new.get("status") or {}
    found = validate_conditions(status.get("conditions") or (), "status.conditions")
    return found + not_negative_counts(status, _COUNTS)


def _share(value: int | str, path: str) -> list[Cause]:
    if isinstance(value, int):
        return [] if value >= 0 else [invalid(path, value, NOT_NEGATIVE)]
    wrong = is_percent(value)
    if wrong:
        return each(path, value, wrong)
    if int(value[:-1]) > 100:
        return [invalid(path, value, "must not be greater than 100%")]
    return []


_COUNTS: Final = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
