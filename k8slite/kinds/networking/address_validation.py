"""IP addresses and the ranges that Services get theirs from.

Upstream: `pkg/apis/networking/validation`.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, required
from k8slite.objects.metadata_validation import each, immutable
from k8slite.objects.names import (
    is_canonical_cidr,
    is_canonical_ip,
    is_cidr,
    is_dns1123_subdomain,
    is_path_segment_name,
)

Json = dict[str, Any]


def validate_address(new: Json, old: Json | None) -> list[Cause]:
    """An IPAddress, named by itself, whose owner never changes."""
    parent = (new.get("spec") or {}).get("parentRef")
    path = "spec.parentRef"
    if old is not None:
        return immutable(path, parent, (old.get("spec") or {}).get("parentRef"))
    name = new["metadata"].get("name", "")
    found = each("metadata.name", name, is_canonical_ip(name)) if name else []
    if parent is None:
        return [*found, required(path)]
    if parent.get("group"):
        group = parent["group"]
        found += each(f"{path}.group", group, is_dns1123_subdomain(group))
    for part in ("resource", "name"):
        value, at = parent.get(part, ""), f"{path}.{part}"
        found += each(at, value, is_path_segment_name(value)) if value else [required(at)]
    namespace = parent.get("namespace", "")
    return found + each(f"{path}.namespace", namespace, is_path_segment_name(namespace))


def validate_service_cidr(new: Json, old: Json | None) -> list[Cause]:
    """A ServiceCIDR: one range, or one of each family; it may only get the second."""
    spec, path = new.get("spec") or {}, "spec.cidrs"
    ranges = spec.get("cidrs") or []
    if old is not None:
        before = (old.get("spec") or {}).get("cidrs") or []
        if ranges[: len(before)] != before or len(ranges) < len(before):
            return immutable(path, ranges, before) or []
        if len(ranges) == len(before):
            return []
    if not ranges:
        return [required(path, "at least one CIDR required")]
    if len(ranges) > 2:
        return [invalid(path, {"CIDRs": ranges}, "may only hold up to 2 values")]
    families = [
        ipaddress.ip_network(one, strict=False).version for one in ranges if not is_cidr(one)
    ]
    if len(ranges) == 2 and sorted(families) != [4, 6]:
        what = (
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and "
            "2001:db8::/64"
        )
        return [invalid(path, {"CIDRs": ranges}, what)]
    return [
        cause
        for i, one in enumerate(ranges)
        for cause in each(f"{path}[{i}]", one, is_canonical_cidr(one))
    ]
