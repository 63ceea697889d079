"""Endpoints, the older form of EndpointSlices (upstream: `ValidateEndpoints`)."""

from __future__ import annotations

from typing import Any

from k8slite.kinds.core.container_validation import PROTOCOLS
from k8slite.objects.errors import Cause
from k8slite.objects.fields import not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import (
    is_dns1123_label,
    is_dns1123_subdomain,
    is_endpoint_ip,
    is_ip,
    is_port_number,
    is_qualified_name,
)

Json = dict[str, Any]


def validate_endpoints(new: Json, _old: Json | None) -> list[Cause]:
    """Every subset has an address, and its ports are named if there are several."""
    found: list[Cause] = []
    for i, subset in enumerate(new.get("subsets", ())):
        at = f"subsets[{i}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            text = "must specify `addresses` or `notReadyAddresses`"
            found.append(required(at, text))
        for key in ("addresses", "notReadyAddresses"):
            for j, address in enumerate(subset.get(key, ())):
                ip = address.get("ip", "")
                found += each(f"{at}.{key}[{j}].ip", ip, is_ip(ip))
                host = address.get("hostname", "")
                if host:
                    found += each(f"{at}.{key}[{j}].hostname", host, is_dns1123_label(host))
                node = address.get("nodeName")
                if node is not None:
                    where = f"{at}.{key}[{j}].nodeName"
                    found += each(where, node, is_dns1123_subdomain(node))
                again = ["must be a valid IP address"] if is_ip(ip) else is_endpoint_ip(ip)
                found += each(f"{at}.{key}[{j}].ip", ip, again)
        ports = subset.get("ports", ())
        for j, port in enumerate(ports):
            where = f"{at}.ports[{j}]"
            name = port.get("name", "")
            if name:
                found += each(f"{where}.name", name, is_dns1123_label(name))
            elif len(ports) > 1:
                found.append(required(f"{where}.name"))
            number = port.get("port", 0)
            found += each(f"{where}.port", number, is_port_number(number))
            protocol = port.get("protocol", "")
            if protocol not in PROTOCOLS:
                found.append(not_supported(f"{where}.protocol", protocol, PROTOCOLS))
            if port.get("appProtocol") is not None:
                known = port["appProtocol"]
                found += each(f"{where}.appProtocol", known, is_qualified_name(known))
    return found
