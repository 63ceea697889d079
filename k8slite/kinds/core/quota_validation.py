"""Resource quotas (upstream: `ValidateResourceQuota` of `pkg/apis/core/validation`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from k8slite.kinds.core.resource_validation import (
    is_standard,
    validate_amount,
    validate_resource_name,
)
from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, required
from k8slite.objects.metadata_validation import IMMUTABLE

Json = dict[str, Any]


def validate_quota(new: Json, old: Json | None) -> list[Cause]:
    """A ResourceQuota: names and amounts, and scopes that are set for good."""
    spec = new.get("spec") or {}
    hard = spec.get("hard") or {}
    found = _amounts(hard, "spec.hard")
    found += _scopes(spec, hard)
    found += _selector(spec, hard)
    if old is not None:
        scopes, before = spec.get("scopes"), (old.get("spec") or {}).get("scopes")
        if set(scopes or ()) != set(before or ()):
            found.append(invalid("spec.scopes", scopes, IMMUTABLE))
    return found


def validate_quota_status(new: Json, _old: Json | None) -> list[Cause]:
    """The amounts in a ResourceQuota's status."""
    status = new.get("status") or {}
    return [
        cause
        for part in ("hard", "used")
        for cause in _amounts(status.get(part) or {}, f"status.{part}")
    ]


def _amounts(amounts: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    for name, amount in amounts.items():
        at = f"{path}[{name}]"
        found += validate_resource_name(name, at)
        if "/" not in name and (name == "storage" or not is_standard(name)):
            found.append(invalid(at, name, "must be a standard resource for quota"))
        found += validate_amount(name, amount, at)
    return found


def _scopes(spec: Json, hard: Json) -> list[Cause]:
    scopes = spec.get("scopes") or []
    found: list[Cause] = []
    for scope in scopes:
        if scope not in _SCOPES:
            found.append(invalid("spec.scopes", scopes, "unsupported scope"))
        found += _unsuited(scope, hard, "spec.scopes", scopes)
    return found + _conflicts(scopes, "spec.scopes", scopes)


def _selector(spec: Json, hard: Json) -> list[Cause]:
    selector = spec.get("scopeSelector")
    if selector is None:
        return []
    path = "spec.scopeSelector.matchExpressions"
    found: list[Cause] = []
    names: list[str] = []
    for one in selector.get("matchExpressions") or ():
        name, operator = one.get("scopeName", ""), one.get("operator", "")
        values = one.get("values") or []
        if name not in _SCOPES:
            found.append(invalid(f"{path}.scopeName", name, "unsupported scope"))
        found += _unsuited(name, hard, path, _shown(selector))
        if name in _MERELY_THERE and operator != "Exists":
            found.append(invalid(f"{path}.operator", operator, _MUST_EXIST))
        if operator in ("In", "NotIn"):
            if not values:
                found.append(required(f"{path}.values", _ONE_VALUE))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                found.append(invalid(f"{path}.values", values, _NO_VALUE))
        else:
            found.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
        names.append(name)
    # Upstream shows the other list of scopes.
    return found + _conflicts(names, path, spec.get("scopes"))


def _unsuited(scope: str, hard: Json, path: str, value: Any) -> list[Cause]:
    """Complaints about what is limited and cannot be told apart by a scope."""
    known = _SUITED.get(scope)
    text = "unsupported scope applied to resource"
    return [
        invalid(path, value, text)
        for name in sorted(hard)
        if known is not None and name != "storage" and is_standard(name) and name not in known
    ]


def _conflicts(scopes: Iterable[str], path: str, value: Any) -> list[Cause]:
    given = tuple(scopes)
    return [
        invalid(path, value, "conflicting scopes")
        for one, other in _OPPOSITES
        if one in given and other in given
    ]


def _shown(selector: Json) -> Json:
    """As upstream's internal type prints itself."""
    return {
        "MatchExpressions": [
            {
                "ScopeName": one.get("scopeName", ""),
                "Operator": one.get("operator", ""),
                "Values": one.get("values"),
            }
            for one in selector.get("matchExpressions") or ()
        ]
    }


_MERELY_THERE: Final = (
    *("BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity"),
)
_SCOPES: Final = (*_MERELY_THERE, "PriorityClass", "VolumeAttributesClass")
_OPPOSITES: Final = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_OF_PODS: Final = frozenset(
    (
        *("pods", "cpu", "memory"),
        *("requests.cpu", "requests.memory", "limits.cpu", "limits.memory"),
    )
)
_SUITED: Final = {
    **dict.fromkeys(
        (
            *("Terminating", "NotTerminating", "NotBestEffort"),
            *("PriorityClass", "CrossNamespacePodAffinity"),
        ),
        _OF_PODS,
    ),
    "BestEffort": frozenset(("pods",)),
    "VolumeAttributesClass": frozenset(("persistentvolumeclaims", "requests.storage")),
}
_MUST_EXIST: Final = (
    "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, "
    "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
    "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)
_ONE_VALUE: Final = (
    "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
)
_NO_VALUE: Final = (
    "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
)
