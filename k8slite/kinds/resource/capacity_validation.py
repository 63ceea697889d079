"""Capacities of devices, and how much of a shared one a request may take.

Upstream: `validateRequestPolicy` of `pkg/apis/resource/validation`.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, forbidden, invalid, required, too_many
from k8slite.objects.quantity import nano, total

Json = dict[str, Any]

_OPTIONS_MOST: Final = 10
_EITHER: Final = (
    'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the '
    "same time"
)


def validate_capacity(capacity: Json, path: str, *, shared: bool) -> list[Cause]:
    """What there is of a device; `shared` where several claims may have of it."""
    policy, at = capacity.get("requestPolicy"), f"{path}.requestPolicy"
    if policy is None:
        return []
    if not shared:
        return [forbidden(at, "allowMultipleAllocations must be true")]
    most, default = capacity.get("value", "0"), policy.get("default")
    values, limits = policy.get("validValues"), policy.get("validRange")
    if values and limits is not None:
        return [forbidden(at, _EITHER)]
    kind = "validValues" if values else "validRange" if limits is not None else ""
    if not kind:
        return []
    if default is None:
        return [required(f"{at}.default", f"required when {kind} is defined")]
    if values:
        return _values(default, most, values, f"{at}.validValues")
    return _range(default, most, limits or {}, f"{at}.validRange")


def _values(default: str, most: str, values: list[str], path: str) -> list[Cause]:
    found: list[Cause] = []
    amounts = [nano(value) for value in values]
    for i in range(1, len(values)):
        if amounts[i - 1] > amounts[i]:
            text = "values must be sorted in ascending order"
            found.append(invalid(f"{path}[{i}]", values[i], text))
    if len(values) > _OPTIONS_MOST:
        return [*found, too_many(path, len(values), _OPTIONS_MOST)]
    for i, value in enumerate(values):
        if amounts[i] > nano(most):
            text = f"option is larger than capacity value: {most}"
            found.append(invalid(f"{path}[{i}]", value, text))
    for i, amount in enumerate(amounts):
        if amount in amounts[:i]:
            found.append(duplicate(f"{path}[{i}]", str(-(-amount // 10**9))))
    if nano(default) not in amounts:
        text = "default value is not valid according to the requestPolicy"
        found.append(invalid(path, default, text))
    return found


def _range(default: str, most: str, limits: Json, path: str) -> list[Cause]:
    low, high, step = (limits.get(key) for key in ("min", "max", "step"))
    if low is None:
        return [required(f"{path}.min", "required when validRange is defined")]
    found: list[Cause] = []

    def complain(part: str, value: str, text: str) -> None:
        found.append(invalid(f"{path}.{part}", value, text))

    if nano(low) > nano(most):
        complain("min", low, f"min is larger than capacity value: {most}")
    if nano(default) < nano(low):
        complain("default", default, f"default is less than min: {low}")
    if high is not None:
        if nano(low) > nano(high):
            complain("max", low, f"min is larger than max: {high}")
        if nano(high) > nano(most):
            complain("max", high, f"max is larger than capacity value: {most}")
        if nano(default) > nano(high):
            complain("default", default, f"default is more than max: {high}")
    if step is None:
        return found
    if nano(step) <= 0:
        complain("step", step, "must be greater than zero")
        return found
    one_step = total([low, step])
    if nano(one_step) > nano(most):
        complain("step", step, f"one step {one_step} is larger than capacity value: {most}")
    for value in (default, high):
        if value is not None and (nano(value) - nano(low)) % nano(step):
            complain(
                "step", value, f"value is not a multiple of a given step ({step}) from ({low})"
            )
    return found
