"""Conditions of the common kind (upstream: `ValidateConditions` of `apis/meta/v1/validation`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, invalid, not_supported, required, too_long
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_condition_reason, is_qualified_name

Json = dict[str, Any]

_REASON_MOST: Final = 1024
_MESSAGE_MOST: Final = 32 * 1024
_STATUSES: Final = ("False", "True", "Unknown")


def validate_conditions(conditions: Sequence[Json], path: str) -> list[Cause]:
    """A list of `metav1.Condition`, each type once."""
    found: list[Cause] = []
    types: list[str] = []
    for i, condition in enumerate(conditions):
        at, type_ = f"{path}[{i}]", condition.get("type", "")
        if type_ in types:
            found.append(duplicate(f"{at}.type", type_))
        types.append(type_)
        found += _condition(condition, at)
    return found


def _condition(condition: Json, at: str) -> list[Cause]:
    type_, status = condition.get("type", ""), condition.get("status", "")
    found = each(f"{at}.type", type_, is_qualified_name(type_))
    if status not in _STATUSES:
        found.append(not_supported(f"{at}.status", status, _STATUSES))
    generation = condition.get("observedGeneration", 0)
    if generation < 0:
        text = "must be greater than or equal to zero"
        found.append(invalid(f"{at}.observedGeneration", generation, text))
    if not condition.get("lastTransitionTime"):
        found.append(required(f"{at}.lastTransitionTime", "must be set"))
    reason = condition.get("reason", "")
    if not reason:
        found.append(required(f"{at}.reason", "must be set"))
    else:
        found += each(f"{at}.reason", reason, is_condition_reason(reason))
        if len(reason.encode()) > _REASON_MOST:
            found.append(too_long(f"{at}.reason", _REASON_MOST))
    if len(condition.get("message", "").encode()) > _MESSAGE_MOST:
        found.append(too_long(f"{at}.message", _MESSAGE_MOST))
    return found
