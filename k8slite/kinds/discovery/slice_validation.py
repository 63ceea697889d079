"""EndpointSlices (upstream: `pkg/apis/discovery/validation`)."""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, not_supported, required, too_many
from k8slite.objects.metadata_validation import each, immutable
from k8slite.objects.names import is_dns1123_label, is_dns1123_subdomain, is_ip, is_port_number

Json = dict[str, Any]

ENDPOINTS_LIMIT: Final = 1000
PORTS_LIMIT: Final = 20_000
ADDRESSES_LIMIT: Final = 100


def validate_endpoint_slice(new: Json, old: Json | None) -> list[Cause]:
    """An EndpointSlice; its kind of addresses never changes."""
    kind = new.get("addressType", "")
    found: list[Cause] = []
    if not kind:
        found.append(required("addressType"))
    elif kind not in _TYPES:
        found.append(not_supported("addressType", kind, _TYPES))
    endpoints = new.get("endpoints") or ()
    if len(endpoints) > ENDPOINTS_LIMIT:
        return [*found, too_many("endpoints", len(endpoints), ENDPOINTS_LIMIT)]
    for i, endpoint in enumerate(endpoints):
        found += _endpoint(endpoint, kind, f"endpoints[{i}]")
    found += _ports(new.get("ports") or ())
    if old is not None:
        found += immutable("addressType", kind, old.get("addressType", ""))
    return found


def _endpoint(endpoint: Json, kind: str, path: str) -> list[Cause]:
    addresses = endpoint.get("addresses", ())
    found: list[Cause] = []
    if not addresses:
        found.append(required(f"{path}.addresses", "must contain at least 1 address"))
    elif len(addresses) > ADDRESSES_LIMIT:
        found.append(too_many(f"{path}.addresses", len(addresses), ADDRESSES_LIMIT))
    for i, address in enumerate(addresses):
        at = f"{path}.addresses[{i}]"
        if kind == "FQDN":
            found += each(at, address, is_dns1123_subdomain(address))
            continue
        wrong = is_ip(address)
        if not wrong and ipaddress.ip_address(address).version != (4 if kind == "IPv4" else 6):
            wrong = [f"must be an {kind} address"]
        found += each(at, address, wrong)
    host = endpoint.get("hostname")
    if host is not None:
        found += each(f"{path}.hostname", host, is_dns1123_label(host))
    return found


def _ports(ports: list[Json] | tuple[()]) -> list[Cause]:
    if len(ports) > PORTS_LIMIT:
        return [too_many("ports", len(ports), PORTS_LIMIT)]
    found: list[Cause] = []
    names: list[str] = []
    for i, port in enumerate(ports):
        name = port.get("name", "")
        if name:
            found += each(f"ports[{i}].name", name, is_dns1123_label(name))
        if name in names:
            found.append(duplicate(f"ports[{i}].name", name))
        names.append(name)
        protocol = port.get("protocol", "")
        if protocol not in ("SCTP", "TCP", "UDP"):
            at = f"ports[{i}].protocol"
            found.append(not_supported(at, protocol, ("SCTP", "TCP", "UDP")))
        number = port.get("port")
        if number is not None:
            found += each(f"ports[{i}].port", number, is_port_number(number))
    return found


_TYPES: Final = ("FQDN", "IPv4", "IPv6")
