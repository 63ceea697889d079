"""Questions whether somebody may do something (upstream: `pkg/apis/authorization/validation`).

A field selector narrows a list down; what cannot be understood of it narrows nothing, and is told.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, required
from k8slite.objects.selectors import FieldRequirement, parse_fields

Json = dict[str, Any]

_PATH: Final = "spec.resourceAttributes"
_ATTRIBUTES: Final = ("resourceAttributes", "nonResourceAttributes")
_SELECTORS: Final = ("fieldSelector", "labelSelector")


def access_complaints(kind: str, review: Json, namespace: str) -> list[Cause]:
    """Of a review of any of the kinds; `namespace` is the path's."""
    spec = review.get("spec") or {}
    resource, path = (spec.get(name) for name in _ATTRIBUTES)
    found: list[Cause] = []
    if resource is not None and path is not None:
        what = "cannot be specified in combination with resourceAttributes"
        found.append(invalid("spec.nonResourceAttributes", path, what))
    if resource is None and path is None:
        what = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        found.append(invalid(_PATH, None, what))
    if kind != "SelfSubjectAccessReview" and not spec.get("user") and not spec.get("groups"):
        what = "at least one of user or group must be specified"
        found.append(invalid("spec.user", spec.get("user", ""), what))
    for name in _SELECTORS:
        selector = (resource or {}).get(name)
        if selector is not None:
            found += _selector(f"{_PATH}.{name}", selector)
    return [*found, *_place(kind, review, resource, path, namespace)]


def asked_fields(selector: Json) -> tuple[tuple[FieldRequirement, ...], str]:
    """A review's field selector, as far as it can be understood, and why not further."""
    raw = selector.get("rawSelector")
    if raw:
        try:
            return parse_fields(raw), ""
        except ValueError as error:
            return (), str(error)
    found, wrong = [], []
    for one in selector.get("requirements") or ():
        values = one.get("values") or []
        operator = {"In": "=", "NotIn": "!="}.get(one.get("operator", ""))
        if operator is None or len(values) != 1:
            wrong.append(f'"{one.get("operator", "")}" is not a valid field selector operator')
            continue
        found.append(FieldRequirement(one["key"], "=" if operator == "=" else "!=", values[0]))
    return tuple(found), ", ".join(wrong)


def _selector(path: str, selector: Json) -> list[Cause]:
    raw, requirements = selector.get("rawSelector"), selector.get("requirements") or []
    if raw and requirements:
        what = "may not specified at the same time as requirements"  # upstream's words
        return [invalid(f"{path}.rawSelector", raw, what)]
    if not raw and not requirements:
        what = f"when {path} is specified, requirements or rawSelector is required"
        return [required(f"{path}.requirements", what)]
    found = []
    for number, one in enumerate(requirements):
        where = f"{path}.requirements[{number}]"
        operator, values = one.get("operator", ""), one.get("values") or []
        if not one.get("key"):
            found.append(required(f"{where}.key", "must be specified"))
        if operator in ("In", "NotIn") and not values:
            what = "must be specified when `operator` is 'In' or 'NotIn'"
            found.append(required(f"{where}.values", what))
        if operator in ("Exists", "DoesNotExist") and values:
            what = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(Cause("FieldValueForbidden", f"Forbidden: {what}", f"{where}.values"))
    return found


def _place(
    kind: str, review: Json, resource: Json | None, path: Json | None, namespace: str
) -> list[Cause]:
    """A review has no name, and a local one asks about its own namespace."""
    metadata = {
        key: value
        for key, value in (review.get("metadata") or {}).items()
        if key != "managedFields" and value
    }
    if kind != "LocalSubjectAccessReview":
        return [invalid("metadata", metadata, "must be empty")] if metadata else []
    metadata.pop("namespace", None)
    found = (
        [invalid("metadata", metadata, "must be empty except for namespace")] if metadata else []
    )
    if resource is not None and resource.get("namespace", "") != namespace:
        what = "must match metadata.namespace"
        found.append(invalid(f"{_PATH}.namespace", resource.get("namespace", ""), what))
    if path is not None:
        what = "disallowed on this kind of request"
        found.append(invalid("spec.nonResourceAttributes", path, what))
    return found
