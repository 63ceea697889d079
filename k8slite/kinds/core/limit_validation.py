"""Limit ranges (upstream: `ValidateLimitRange` of `pkg/apis/core/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.resource_validation import (
    is_native,
    validate_container_resource_name,
    validate_resource_name,
)
from k8slite.objects import quantity
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, forbidden, invalid, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_qualified_name

Json = dict[str, Any]


def validate_limit_range(new: Json, _old: Json | None) -> list[Cause]:
    """A LimitRange: min <= defaultRequest <= default <= max of each resource."""
    found: list[Cause] = []
    kinds: list[str] = []
    for i, item in enumerate((new.get("spec") or {}).get("limits") or ()):
        at = f"spec.limits[{i}]"
        kind = item.get("type", "")
        wrong = each(f"{at}.type", kind, is_qualified_name(kind))
        if not wrong and "/" not in kind and kind not in _KINDS:
            text = "must be a standard limit type or fully qualified"
            wrong = [invalid(f"{at}.type", kind, text)]
        found += wrong
        if kind in kinds:
            found.append(duplicate(f"{at}.type", kind))
        kinds.append(kind)
        found += _item(item, kind, at)
    return found


def _item(item: Json, kind: str, path: str) -> list[Cause]:
    found: list[Cause] = []
    for key in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
        if key in ("default", "defaultRequest") and kind == "Pod":
            if item.get(key):
                text = "may not be specified when `type` is 'Pod'"
                found.append(forbidden(f"{path}.{key}", text))
            continue
        if key == "maxLimitRequestRatio" and kind == "PersistentVolumeClaim":
            found += _storage(item, path)
        check = _CHECKS.get(kind, validate_resource_name)
        for name in item.get(key) or {}:
            found += check(name, f"{path}.{key}[{name}]")
    names = dict.fromkeys(name for part in _PARTS for name in item.get(part) or {})
    for name in names:
        if kind == "Pod":
            item = {**item, "default": None, "defaultRequest": None}
        found += _order(item, name, path)
    return found


def _storage(item: Json, path: str) -> list[Cause]:
    if any("storage" in (item.get(key) or {}) for key in ("min", "max")):
        return []
    text = "either minimum or maximum storage value is required, but neither was provided"
    return [required(f"{path}.limits", text)]


def _order(item: Json, name: str, path: str) -> list[Cause]:
    amounts = {part: (item.get(part) or {}).get(name) for part in _PARTS}
    found: list[Cause] = []
    for low, high, where, shown, text in _ORDER:
        less, more = amounts[low], amounts[high]
        if less is None or more is None or quantity.nano(less) <= quantity.nano(more):
            continue
        said = text.format(less=less, more=more)
        found.append(invalid(f"{path}.{where}[{name}]", amounts[shown], said))
    found += _ratio(amounts, f"{path}.maxLimitRequestRatio[{name}]")
    default, asked = amounts["default"], amounts["defaultRequest"]
    if default is None or asked is None or _may_overcommit(name):
        return found
    if quantity.nano(default) != quantity.nano(asked):
        text = f"default value {default} must equal to defaultRequest value {asked} in {name}"
        found.append(invalid(f"{path}.defaultRequest[{name}]", asked, text))
    return found


def _ratio(amounts: Json, at: str) -> list[Cause]:
    ratio, least, most = (amounts[part] for part in ("maxLimitRequestRatio", "min", "max"))
    if ratio is None:
        return []
    found: list[Cause] = []
    if quantity.nano(ratio) < quantity.nano("1"):
        found.append(invalid(at, ratio, f"ratio {ratio} is less than 1"))
    if least is not None and most is not None and quantity.nano(least) > 0:
        limit = quantity.nano(most) / quantity.nano(least)
        if quantity.nano(ratio) / quantity.nano("1") > limit:
            found.append(invalid(at, ratio, f"ratio {ratio} is greater than max/min = {limit:f}"))
    return found


def _may_overcommit(name: str) -> bool:
    return is_native(name) and not name.startswith("hugepages-")


_KINDS: Final = ("Container", "PersistentVolumeClaim", "Pod")
_PARTS: Final = ("min", "max", "default", "defaultRequest", "maxLimitRequestRatio")
_CHECKS: Final = dict.fromkeys(("Container", "Pod"), validate_container_resource_name)
# What must not be more than what, where that is told, showing which amount, and how.
_ORDER: Final = (
    ("min", "max", "min", "min", "min value {less} is greater than max value {more}"),
    (
        *("min", "defaultRequest", "defaultRequest", "defaultRequest"),
        "min value {less} is greater than default request value {more}",
    ),
    (
        *("defaultRequest", "max", "defaultRequest", "defaultRequest"),
        "default request value {less} is greater than max value {more}",
    ),
    (
        *("defaultRequest", "default", "defaultRequest", "defaultRequest"),
        "default request value {less} is greater than default limit value {more}",
    ),
    ("min", "default", "default", "min", "min value {less} is greater than default value {more}"),
    ("default", "max", "default", "max", "default value {less} is greater than max value {more}"),
)
