"""Resource quotas and limit ranges.

Mirrors `ValidateResourceQuotaSpec` and `ValidateLimitRange` of `pkg/apis/core/validation`.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.resource_validation import (
    is_standard,
    validate_amount,
    validate_resource_name,
)
from k8slite.objects import quantity
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, forbidden, invalid, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_qualified_name

Json = dict[str, Any]


def validate_quota(new: Json, old: Json | None) -> list[Cause]:
    """A ResourceQuota: names and amounts, and scopes that are set for good."""
    spec = new.get("spec", {})
    found: list[Cause] = []
    for name, amount in spec.get("hard", {}).items():
        at = f"spec.hard[{name}]"
        wrong = each(at, name, is_qualified_name(name))
        if not wrong and "/" not in name and not is_standard(name):
            wrong = [invalid(at, name, "must be a standard resource for quota")]
        found += wrong
        found += validate_amount(name, amount, at)
    scopes = spec.get("scopes", [])
    for scope in scopes:
        if scope not in _SCOPES:
            found.append(invalid("spec.scopes", scopes, "unsupported scope"))
    for one, other in _OPPOSITES:
        if one in scopes and other in scopes:
            found.append(invalid("spec.scopes", scopes, "conflicting scopes"))
    if old is not None and sorted(scopes) != sorted(old.get("spec", {}).get("scopes", [])):
        found.append(invalid("spec.scopes", scopes, "field is immutable"))
    return found


def validate_limit_range(new: Json, _old: Json | None) -> list[Cause]:
    """A LimitRange: min <= defaultRequest <= default <= max of each resource."""
    found: list[Cause] = []
    kinds: list[str] = []
    for i, item in enumerate(new.get("spec", {}).get("limits", ())):
        at = f"spec.limits[{i}]"
        kind = item.get("type", "")
        found += each(f"{at}.type", kind, is_qualified_name(kind))
        if kind in kinds:
            found.append(duplicate(f"{at}.type", kind))
        kinds.append(kind)
        if kind == "Pod":
            for key in ("default", "defaultRequest"):
                if item.get(key):
                    text = "may not be specified when `type` is 'Pod'"
                    found.append(forbidden(f"{at}.{key}", text))
        if kind == "PersistentVolumeClaim" and not (
            "storage" in item.get("min", {}) or "storage" in item.get("max", {})
        ):
            text = "either minimum or maximum storage value is required, but neither was provided"
            found.append(required(f"{at}.limits", text))
        found += _amounts(item, at)
    return found


def _amounts(item: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    names: list[str] = []
    for key in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
        for name, amount in item.get(key, {}).items():
            found += validate_resource_name(name, f"{path}.{key}[{name}]")
            if key != "maxLimitRequestRatio":
                found += validate_amount(name, amount, f"{path}.{key}[{name}]")
            if name not in names:
                names.append(name)
    for name in names:
        for low, high, text in _ORDER:
            less, more = item.get(low, {}).get(name), item.get(high, {}).get(name)
            if less is None or more is None:
                continue
            if quantity.nano(less) > quantity.nano(more):
                shown = text.format(less=less, more=more)
                found.append(invalid(f"{path}.{low}[{name}]", less, shown))
        ratio = item.get("maxLimitRequestRatio", {}).get(name)
        if ratio is not None and quantity.milli(ratio) < 1000:
            text = f"ratio {ratio} is less than 1"
            found.append(invalid(f"{path}.maxLimitRequestRatio[{name}]", ratio, text))
    return found


_SCOPES: Final = (
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
)
_OPPOSITES: Final = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_ORDER: Final = (
    ("min", "max", "min value {less} is greater than max value {more}"),
    ("defaultRequest", "max", "default request value {less} is greater than max value {more}"),
    (
        "defaultRequest",
        "default",
        "default request value {less} is greater than default limit value {more}",
    ),
    ("default", "max", "default value {less} is greater than max value {more}"),
)
