"""ResourceClaims, their templates and DeviceClasses (upstream: `pkg/apis/resource/validation`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from k8slite.kinds.core.claim_validation import validate_template_metadata
from k8slite.kinds.core.resource_validation import is_extended
from k8slite.kinds.core.volume_source_validation import validate_driver_name
from k8slite.kinds.resource.device_selectors import COST_LIMIT, compile_selector
from k8slite.kinds.resource.device_validation import validate_device_toleration
from k8slite.objects.cel.environment import Uncompilable
from k8slite.objects.errors import Cause
from k8slite.objects.fields import (
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from k8slite.objects.metadata_validation import each, immutable
from k8slite.objects.names import is_dns1123_label, is_dns1123_subdomain

Json = dict[str, Any]
Names = Mapping[str, Sequence[str]]  # of requests, with those of their alternatives

_MOST: Final = 32  # requests, constraints, configurations, selectors
_ALTERNATIVES_MOST: Final = 8
_PARAMETERS_MOST_BYTES: Final = 10 * 1024
_EXPRESSION_MOST: Final = 10 * 1024
_MODES: Final = ("All", "ExactCount")
_ONE_OF: Final = "exactly one of `exactly` or `firstAvailable` is required"
_REFERENCE: Final = (
    "must be the name of a request in the claim or the name of a request and a subrequest "
    "separated by '/'"
)


def validate_claim(new: Json, old: Json | None) -> list[Cause]:
    """A ResourceClaim, whose spec never changes."""
    spec = new.get("spec") or {}
    if old is not None:
        return immutable("spec", spec, old.get("spec") or {})
    return _claim_spec(spec, "spec")


def validate_template(new: Json, old: Json | None) -> list[Cause]:
    """A ResourceClaimTemplate, whose spec never changes."""
    spec = new.get("spec") or {}
    if old is not None:
        return immutable("spec", spec, old.get("spec") or {})
    found = validate_template_metadata(spec.get("metadata") or {}, "spec.metadata")
    return found + _claim_spec(spec.get("spec") or {}, "spec.spec")


def validate_device_class(new: Json, _old: Json | None) -> list[Cause]:
    """A DeviceClass."""
    spec = new.get("spec") or {}
    found = items(spec.get("selectors") or [], "spec.selectors", _selector, most=_MOST)
    found += items(spec.get("config") or [], "spec.config", validate_configuration, most=_MOST)
    name = spec.get("extendedResourceName")
    if name is not None and not is_extended(name):
        what = "must be a valid extended resource name"
        found.append(invalid("spec.extendedResourceName", name, what))
    return found


def items(
    values: Sequence[Any],
    path: str,
    check: Callable[[Any, str], list[Cause]],
    *,
    most: int,
    key: str = "",
) -> list[Cause]:
    """Check each of a list's items, how many there are, and that no key comes twice."""
    if len(values) > most:
        return [too_many(path, len(values), most)]
    found: list[Cause] = []
    seen = []
    for i, value in enumerate(values):
        found += check(value, f"{path}[{i}]")
        known = value.get(key, "") if key else ""
        if key and known in seen:
            found.append(duplicate(f"{path}[{i}]", known))
        seen.append(known)
    return found


def request_names(spec: Json) -> Names:
    """The requests of a claim's spec, with their alternatives."""
    return {
        one.get("name", ""): [other.get("name", "") for other in one.get("firstAvailable") or ()]
        for one in (spec.get("devices") or {}).get("requests") or ()
    }


def _claim_spec(spec: Json, path: str) -> list[Cause]:
    devices, at = spec.get("devices") or {}, f"{path}.devices"
    requests = devices.get("requests") or []
    names = request_names(spec)
    found = items(requests, f"{at}.requests", _request, most=_MOST, key="name")
    constraints = devices.get("constraints") or []
    found += items(
        constraints, f"{at}.constraints", lambda one, to: _constraint(one, to, names), most=_MOST
    )
    return found + items(
        devices.get("config") or [],
        f"{at}.config",
        lambda one, to: [*validate_references(one, to, names), *validate_configuration(one, to)],
        most=_MOST,
    )


def _request(request: Json, path: str) -> list[Cause]:
    name = request.get("name", "")
    found = each(f"{path}.name", name, is_dns1123_label(name))
    exactly, others = request.get("exactly"), request.get("firstAvailable") or []
    if exactly is None and not others:
        found.append(required(path, _ONE_OF))
    elif exactly is not None and others:
        found.append(invalid(path, None, f"{_ONE_OF}, but multiple fields are set"))
    elif exactly is not None:
        found += _exactly(exactly, f"{path}.exactly")
    else:
        at = f"{path}.firstAvailable"
        found += items(others, at, _alternative, most=_ALTERNATIVES_MOST, key="name")
    return found


def _alternative(request: Json, path: str) -> list[Cause]:
    name = request.get("name", "")
    return each(f"{path}.name", name, is_dns1123_label(name)) + _exactly(request, path)


def _exactly(request: Json, path: str) -> list[Cause]:
    name, at = request.get("deviceClassName", ""), f"{path}.deviceClassName"
    found = each(at, name, is_dns1123_subdomain(name)) if name else [required(at)]
    found += items(request.get("selectors") or [], f"{path}.selectors", _selector, most=_MOST)
    mode, count = request.get("allocationMode", ""), request.get("count", 0)
    if mode == "All" and count:
        what = "must not be specified when allocationMode is 'All'"
        found.append(invalid(f"{path}.count", count, what))
    elif mode == "ExactCount" and count <= 0:
        found.append(invalid(f"{path}.count", count, "must be greater than zero"))
    elif mode not in _MODES:
        found.append(not_supported(f"{path}.allocationMode", mode, _MODES))
    for i, toleration in enumerate(request.get("tolerations") or ()):
        found += validate_device_toleration(toleration, f"{path}.tolerations[{i}]")
    return found


def _selector(selector: Json, path: str) -> list[Cause]:
    expression = selector.get("cel")
    if expression is None:
        return [required(f"{path}.cel")]
    text, at = expression.get("expression", ""), f"{path}.cel.expression"
    if len(text.encode()) > _EXPRESSION_MOST:
        return [too_long(at, _EXPRESSION_MOST)]
    try:
        if compile_selector(text).worst_cost > COST_LIMIT:
            return [forbidden(at, "too complex, exceeds cost limit")]
    except Uncompilable as error:
        return [invalid(at, text, str(error))]
    return []


def _constraint(constraint: Json, path: str, names: Names) -> list[Cause]:
    found = validate_references(constraint, path, names)
    for part in ("matchAttribute", "distinctAttribute"):
        attribute = constraint.get(part)
        if attribute is not None:
            if "/" not in attribute:
                found.append(invalid(f"{path}.{part}", attribute, "must include a domain"))
            return found
    return [*found, required(f"{path}.matchAttribute")]


def validate_request_reference(name: str, path: str, names: Names) -> list[Cause]:
    """The name of a request, or of an alternative of one."""
    request, slash, other = name.partition("/")
    if request in names and (not slash or other in names[request]):
        return []
    return [invalid(path, name, _REFERENCE)]


def validate_references(owner: Json, path: str, names: Names) -> list[Cause]:
    """The requests that a constraint or a configuration is about."""
    found: list[Cause] = []
    requests = owner.get("requests") or []
    for i, name in enumerate(requests):
        at = f"{path}.requests[{i}]"
        found += validate_request_reference(name, at, names)
        if name in requests[:i]:
            found.append(duplicate(at, name))
    return found


def validate_configuration(config: Json, path: str) -> list[Cause]:
    """What a driver is told about devices."""
    opaque = config.get("opaque")
    if opaque is None:
        return [required(f"{path}.opaque")]
    found = validate_driver_name(opaque.get("driver", ""), f"{path}.opaque.driver")
    return found + validate_json_object(opaque.get("parameters"), f"{path}.opaque.parameters")


def validate_json_object(value: Any, path: str) -> list[Cause]:
    """What only a driver understands: at least it is an object (upstream: a raw extension)."""
    if value is None:
        return [required(path)]
    if len(orjson.dumps(value)) > _PARAMETERS_MOST_BYTES:
        return [too_long(path, _PARAMETERS_MOST_BYTES)]
    if not isinstance(value, dict):
        return [invalid(path, "<value omitted>", "must be a valid JSON object")]
    return []
