"""The status of a ResourceClaim: which devices it got, for whom, and what drivers say of them.

Upstream: `validateResourceClaimStatusUpdate` of `pkg/apis/resource/validation`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any, Final

from k8slite.kinds.core.selector_validation import validate_node_selector
from k8slite.kinds.core.volume_source_validation import validate_driver_name
from k8slite.kinds.resource.claim_validation import (
    Names,
    items,
    request_names,
    validate_configuration,
    validate_json_object,
    validate_references,
    validate_request_reference,
)
from k8slite.kinds.resource.device_validation import (
    validate_binding_conditions,
    validate_device_toleration,
)
from k8slite.kinds.resource.slice_validation import validate_pool_name
from k8slite.objects.condition_validation import validate_conditions
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
from k8slite.objects.names import is_dns1123_label

Json = dict[str, Any]
Device = tuple[str, str, str, str]  # driver, pool, device, share

_USERS_MOST: Final = 256
_RESULTS_MOST: Final = 32
_CONFIGURATIONS_MOST: Final = 64  # of the class and of the claim
_CONDITIONS_MOST: Final = 8
_INTERFACE_MOST: Final = 256
_HARDWARE_MOST: Final = 128
_ADDRESSES_MOST: Final = 16


def validate_claim_status(new: Json, old: Json | None) -> list[Cause]:
    """For whom a claim is reserved, and that it is not allocated anew while it is."""
    status, before = new.get("status") or {}, (old or {}).get("status") or {}
    users = status.get("reservedFor") or []
    found = items(users, "status.reservedFor", _user, most=_USERS_MOST, key="uid")
    allocation, known = status.get("allocation"), before.get("allocation")
    found += _statuses(status.get("devices") or [], allocation or {})
    if users and allocation is None:
        what = "may not be specified when `allocated` is not set"
        found.append(forbidden("status.reservedFor", what))
    elif users and "deletionTimestamp" in new["metadata"]:
        was = before.get("reservedFor") or []
        if any(one not in was for one in users):
            what = (
                "new entries may not be added while `deallocationRequested` or "
                "`deletionTimestamp` are set"
            )
            found.append(forbidden("status.reservedFor", what))
    if allocation is not None and known is not None:
        found += immutable("status.allocation", allocation, known)
    elif allocation is not None:
        names = request_names(new.get("spec") or {})
        found += _allocation(allocation, "status.allocation", names)
    return found


def _user(user: Json, path: str) -> list[Cause]:
    return [
        required(f"{path}.{name}") for name in ("resource", "name", "uid") if not user.get(name)
    ]


def _allocation(allocation: Json, path: str, names: Names) -> list[Cause]:
    devices, at = allocation.get("devices") or {}, f"{path}.devices"

    def result(one: Json, where: str) -> list[Cause]:
        found = validate_request_reference(one.get("request", ""), f"{where}.request", names)
        found += _identity(one, where) + validate_binding_conditions(one, where)
        for i, toleration in enumerate(one.get("tolerations") or ()):
            found += validate_device_toleration(toleration, f"{where}.tolerations[{i}]")
        return found

    def configuration(one: Json, where: str) -> list[Cause]:
        source = one.get("source", "")
        found: list[Cause] = []
        if source not in _SOURCES:
            wrong = not_supported(f"{where}.source", source, _SOURCES)
            found.append(wrong if source else required(f"{where}.source"))
        return [
            *found,
            *validate_references(one, where, names),
            *validate_configuration(one, where),
        ]

    results, more = devices.get("results") or [], devices.get("config") or []
    found = items(results, f"{at}.results", result, most=_RESULTS_MOST)
    found += items(more, f"{at}.config", configuration, most=_CONFIGURATIONS_MOST)
    if allocation.get("nodeSelector") is not None:
        found += validate_node_selector(allocation["nodeSelector"], f"{path}.nodeSelector")
    return found


def _statuses(statuses: Sequence[Json], allocation: Json) -> list[Cause]:
    results = (allocation.get("devices") or {}).get("results") or ()
    allocated = [_device(result) for result in results]
    found: list[Cause] = []
    devices = [_device(status) for status in statuses]
    for i, (status, device) in enumerate(zip(statuses, devices, strict=True)):
        path = f"status.devices[{i}]"
        found += _identity(status, path)
        shown = "/".join(part for part in device if part)
        if device not in allocated:
            found.append(invalid(path, shown, "must be an allocated device in the claim"))
        conditions, at = status.get("conditions") or [], f"{path}.conditions"
        if len(conditions) > _CONDITIONS_MOST:
            found.append(too_many(at, len(conditions), _CONDITIONS_MOST))
        found += validate_conditions(conditions, at)
        if status.get("data") is not None:
            found += validate_json_object(status["data"], f"{path}.data")
        found += _network(status.get("networkData") or {}, f"{path}.networkData")
    for i, device in enumerate(devices):
        if device in devices[:i]:
            shown = "/".join(part for part in device if part)
            found.append(duplicate(f"status.devices[{i}]", shown))
    return found


def _identity(owner: Json, path: str) -> list[Cause]:
    name = owner.get("device", "")
    return [
        *validate_driver_name(owner.get("driver", ""), f"{path}.driver"),
        *validate_pool_name(owner.get("pool", ""), f"{path}.pool"),
        *each(f"{path}.device", name, is_dns1123_label(name)),
    ]


def _device(owner: Json) -> Device:
    driver, pool, device, share = (
        str(owner.get(key) or "") for key in ("driver", "pool", "device", "shareID")
    )
    return driver, pool, device, share


def _network(data: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    for key, most in (("interfaceName", _INTERFACE_MOST), ("hardwareAddress", _HARDWARE_MOST)):
        if len(data.get(key, "").encode()) > most:
            found.append(too_long(f"{path}.{key}", most))
    addresses, at = data.get("ips") or [], f"{path}.ips"
    if len(addresses) > _ADDRESSES_MOST:
        return [*found, too_many(at, len(addresses), _ADDRESSES_MOST)]
    for i, address in enumerate(addresses):
        found += each(f"{at}[{i}]", address, _interface_address(address))
    return found + [
        duplicate(f"{at}[{i}]", one) for i, one in enumerate(addresses) if one in addresses[:i]
    ]


def _interface_address(address: str) -> list[str]:
    """Upstream: `IsValidInterfaceAddress`."""
    try:
        found = ipaddress.ip_interface(address)
    except ValueError:
        found = None
    if found is None or "/" not in address:
        return ["must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"]
    if str(found) != address:
        return [f'must be in canonical form ("{found}")']
    return []


_SOURCES: Final = ("FromClaim", "FromClass")
