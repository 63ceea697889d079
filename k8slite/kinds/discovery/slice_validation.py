"""EndpointSlices (upstream: `pkg/apis/discovery/validation`)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, invalid, not_supported, required, too_many
from k8slite.objects.metadata_validation import each, immutable, validate_labels
from k8slite.objects.names import (
    Rule,
    is_dns1123_label,
    is_dns1123_subdomain,
    is_endpoint_ip,
    is_ip,
    is_label_value,
    is_qualified_name,
)

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
        found.append(too_many("endpoints", len(endpoints), ENDPOINTS_LIMIT))
    else:
        for i, endpoint in enumerate(endpoints):
            found += _endpoint(endpoint, kind, f"endpoints[{i}]")
    found += _ports(new.get("ports") or ())
    if old is not None:
        found += immutable("addressType", kind, old.get("addressType", ""))
    return found


def _endpoint(endpoint: Json, kind: str, path: str) -> list[Cause]:
    addresses = endpoint.get("addresses") or ()
    found: list[Cause] = []
    if not addresses:
        found.append(required(f"{path}.addresses", "must contain at least 1 address"))
    elif len(addresses) > ADDRESSES_LIMIT:
        found.append(too_many(f"{path}.addresses", len(addresses), ADDRESSES_LIMIT))
    for i, address in enumerate(addresses):
        at = f"{path}.addresses[{i}]"
        if kind == "FQDN":
            found += _domain(address, at)
        elif kind in _VERSIONS:
            found += _address(address, kind, at)
    node = endpoint.get("nodeName")
    if node is not None:
        found += each(f"{path}.nodeName", node, is_dns1123_subdomain(node))
    topology, at = endpoint.get("deprecatedTopology") or {}, f"{path}.deprecatedTopology"
    if len(topology) > _TOPOLOGY_MOST:
        found.append(too_many(at, len(topology), _TOPOLOGY_MOST))
    found += validate_labels(topology, at)
    host = endpoint.get("hostname")
    if host is not None:
        found += each(f"{path}.hostname", host, is_dns1123_label(host))
    hints = endpoint.get("hints") or {}
    for part, rule in (("forZones", is_label_value), ("forNodes", is_dns1123_subdomain)):
        found += _hints(hints.get(part) or (), f"{path}.hints.{part}", rule)
    return found


def _address(address: str, kind: str, at: str) -> list[Cause]:
    wrong = is_ip(address)
    if wrong:
        return each(at, address, wrong)
    found: list[Cause] = []
    if ipaddress.ip_address(address).version != _VERSIONS[kind]:
        found.append(invalid(at, address, f"must be an {kind} address"))
    return found + each(at, address, is_endpoint_ip(address))


def _domain(name: str, at: str) -> list[Cause]:
    """Upstream: `IsFullyQualifiedDomainName`."""
    if not name:
        return [required(at)]
    name = name.removesuffix(".")
    wrong = is_dns1123_subdomain(name)
    if wrong:
        return [invalid(at, name, ",".join(wrong))]
    labels = name.split(".")
    if len(labels) < 2:
        text = "should be a domain with at least two segments separated by dots"
        return [invalid(at, name, text)]
    return [
        invalid(at, label, ",".join(is_dns1123_label(label)))
        for label in labels
        if is_dns1123_label(label)
    ]


def _hints(hints: Sequence[Json], path: str, rule: Rule) -> list[Cause]:
    if len(hints) > _HINTS_MOST:
        return [too_many(path, len(hints), _HINTS_MOST)]
    found: list[Cause] = []
    names: list[str] = []
    for i, hint in enumerate(hints):
        name, at = hint.get("name", ""), f"{path}[{i}].name"
        if name in names:
            found.append(duplicate(at, name))
        names.append(name)
        found += each(at, name, rule(name))
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
        known = port.get("appProtocol")
        if known is not None:
            found += each(f"ports[{i}].appProtocol", known, is_qualified_name(known))
    return found


_TOPOLOGY_MOST: Final = 16
_HINTS_MOST: Final = 8
_TYPES: Final = ("FQDN", "IPv4", "IPv6")
_VERSIONS: Final = {"IPv4": 4, "IPv6": 6}
