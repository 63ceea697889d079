"""Amounts of resources: names, quantities, and requests against limits.

Mirrors `ValidateContainerResourceRequirements` and `ValidateResourceQuantityValue` of
`pkg/apis/core/validation`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from k8slite.objects import quantity
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, forbidden, invalid, not_found, required
from k8slite.objects.metadata_validation import NOT_NEGATIVE, each
from k8slite.objects.names import is_qualified_name

Json = dict[str, Any]


def validate_requirements(
    resources: Json, path: str, claim_names: Collection[str] = ()
) -> list[Cause]:
    """Limits, requests and claims of a container."""
    found: list[Cause] = []
    limits: Json = resources.get("limits") or {}
    requests: Json = resources.get("requests") or {}
    for name, amount in limits.items():
        found += _container_resource(name, amount, f"{path}.limits[{name}]")
    for name, amount in requests.items():
        found += _container_resource(name, amount, f"{path}.requests[{name}]")
        limit = limits.get(name)
        if limit is not None:
            asked, most = quantity.nano(amount), quantity.nano(limit)
            if asked != most and not is_overcommit_allowed(name):
                text = f"must be equal to {name} limit of {limit}"
                found.append(invalid(f"{path}.requests", amount, text))
            elif asked > most:
                text = f"must be less than or equal to {name} limit of {limit}"
                found.append(invalid(f"{path}.requests", amount, text))
        elif not is_overcommit_allowed(name):
            text = "Limit must be set for non overcommitable resources"
            found.append(required(f"{path}.limits", text))
    named = [*limits, *requests]
    if any(name.startswith(HUGE_PAGES) for name in named) and not (
        "cpu" in named or "memory" in named
    ):
        found.append(forbidden(path, "HugePages require cpu or memory"))
    claims = resources.get("claims")
    return found + _claims(claims, claim_names, f"{path}.claims") if claims else found


def validate_amount(name: str, amount: str, path: str) -> list[Cause]:
    """A quantity that is not negative, and whole where only whole ones can be had."""
    if quantity.nano(amount) < 0:
        return [invalid(path, amount, NOT_NEGATIVE)]
    if is_whole(name) and quantity.milli(amount) % 1000:
        return [invalid(path, amount, "must be an integer")]
    return []


def validate_resource_name(name: str, path: str) -> list[Cause]:
    """A standard name such as `cpu`, or a qualified one such as `example.com/gpu`."""
    found = each(path, name, is_qualified_name(name))
    if found:
        return found
    if "/" not in name and not is_standard(name):
        text = "must be a standard resource type or fully qualified"
        return [invalid(path, name, text)]
    return []


def validate_container_resource_name(name: str, path: str) -> list[Cause]:
    """What a container can ask for: `cpu`, huge pages or devices."""
    found = validate_resource_name(name, path)
    if "/" not in name:
        if name not in _USUAL and not name.startswith(HUGE_PAGES):
            found.append(invalid(path, name, "must be a standard resource for containers"))
    elif not is_native(name) and not is_extended(name):
        found.append(invalid(path, name, "doesn't follow extended resource name standard"))
    return found


def is_native(name: str) -> bool:
    """Whether Kubernetes itself gives the name its meaning."""
    return "/" not in name or "kubernetes.io/" in name


def is_overcommit_allowed(name: str) -> bool:
    """Whether requests may be less than the limit."""
    return is_native(name) and not name.startswith(HUGE_PAGES)


def is_extended(name: str) -> bool:
    """Whether it is a device or the like that a vendor counts."""
    if is_native(name) or name.startswith("requests."):
        return False
    return not is_qualified_name(f"requests.{name}")


def is_standard(name: str) -> bool:
    """Whether a name without a domain is known."""
    return name in _STANDARD or name.startswith((HUGE_PAGES, f"requests.{HUGE_PAGES}"))


def is_whole(name: str) -> bool:
    """Whether it is counted in ones."""
    return name in _COUNTED or is_extended(name)


def _container_resource(name: str, amount: str, path: str) -> list[Cause]:
    if name in _USUAL:
        # Nearly all there is: known, and never to be whole.
        return [] if quantity.nano(amount) >= 0 else [invalid(path, amount, NOT_NEGATIVE)]
    found = validate_container_resource_name(name, path)
    found += validate_amount(name, amount, path)
    if name.startswith(HUGE_PAGES):
        found += _huge_pages(name, amount, path)
    return found


def _huge_pages(name: str, amount: str, path: str) -> list[Cause]:
    try:
        page_bytes = quantity.whole(name.removeprefix(HUGE_PAGES))
    except ValueError:
        page_bytes = 0
    if page_bytes <= 0 or quantity.whole(amount) % page_bytes:
        text = f"field must be an integer multiple of the page size {page_bytes}"
        return [invalid(path, amount, text)] if page_bytes > 0 else []
    return []


def _claims(claims: list[Json], known: Collection[str], path: str) -> list[Cause]:
    found: list[Cause] = []
    seen: list[tuple[str, str]] = []
    for i, claim in enumerate(claims):
        name, request = claim.get("name", ""), claim.get("request", "")
        at = f"{path}[{i}]"
        if not name:
            found.append(required(f"{at}.name"))
        else:
            if (name, request) in seen or (name, "") in seen:
                found.append(duplicate(at, {"name": name, "request": request}))
            seen.append((name, request))
            if name not in known:
                found.append(not_found(at, name))
    return found


HUGE_PAGES: Final = "hugepages-"

_USUAL: Final = ("cpu", "memory", "ephemeral-storage")
_COUNTED: Final = frozenset(
    (
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    )
)
_STANDARD: Final = (
    _COUNTED
    | frozenset(f"{prefix}{name}" for name in _USUAL for prefix in ("", "requests.", "limits."))
    | frozenset(("storage", "requests.storage"))
)
