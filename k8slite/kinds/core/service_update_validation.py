"""What may change of a Service, and what its status may say.

Mirrors `ValidateServiceUpdate` (`validateUpgradeDowngrade...`) and `ValidateLoadBalancerStatus`.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.service_defaults import needs_health_check
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.metadata_validation import IMMUTABLE, each
from k8slite.objects.names import is_dns1123_subdomain, is_ip

Json = dict[str, Any]

NO_ADDRESS: Final = "must be a DNS name, not an IP address"

_FIXED: Final = "may not change once set"
_MODES: Final = ("Proxy", "VIP")


def validate_service_update(spec: Json, old: Json) -> list[Cause]:
    """The complaints about the difference between two specs."""
    found: list[Cause] = []
    if "ExternalName" not in (spec.get("type"), old.get("type")):
        headless, was_headless = (one.get("clusterIPs") == ["None"] for one in (spec, old))
        if not (headless and was_headless):
            found += _addresses(spec, old)
        if not headless and not was_headless:
            found += _families(spec, old)
    both = spec.get("type") == old.get("type") == "LoadBalancer"
    if both and old.get("loadBalancerClass") != spec.get("loadBalancerClass"):
        found.append(invalid("spec.loadBalancerClass", spec.get("loadBalancerClass"), _FIXED))
    if needs_health_check(spec) and needs_health_check(old):
        after, before = spec.get("healthCheckNodePort", 0), old.get("healthCheckNodePort", 0)
        if before and after != before:
            found.append(forbidden("spec.healthCheckNodePort", IMMUTABLE))
    return found


def validate_service_status(new: Json, _old: Json | None) -> list[Cause]:
    """Where a load balancer is."""
    status = (new.get("status") or {}).get("loadBalancer") or {}
    given, path = status.get("ingress") or (), "status.loadBalancer.ingress"
    if given and (new.get("spec") or {}).get("type") != "LoadBalancer":
        return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")]
    found: list[Cause] = []
    for i, one in enumerate(given):
        ip, mode, host = one.get("ip", ""), one.get("ipMode"), one.get("hostname", "")
        if ip:
            found += each(f"{path}[{i}].ip", ip, is_ip(ip))
        at = f"{path}[{i}].ipMode"
        if ip and mode is None:
            found.append(required(at, "must be specified when `ip` is set"))
        elif mode is not None and not ip:
            found.append(forbidden(at, "may not be specified when `ip` is not set"))
        elif mode is not None and mode not in _MODES:
            found.append(not_supported(at, mode, _MODES))
        if host:
            found += each(f"{path}[{i}].hostname", host, is_dns1123_subdomain(host))
            if not is_ip(host):
                found.append(invalid(f"{path}[{i}].hostname", host, NO_ADDRESS))
    return found


def _addresses(spec: Json, old: Json) -> list[Cause]:
    after, before = spec.get("clusterIPs") or [], old.get("clusterIPs") or []
    shown, path = after or None, "spec.clusterIPs"
    if len(after) == len(before):
        changed = [i for i, one in enumerate(before) if one != after[i]]
        return [invalid(f"{path}[{i}]", shown, _FIXED) for i in changed]
    found: list[Cause] = []
    if not after:
        found.append(invalid(f"{path}[0]", shown, "primary clusterIP can not be unset"))
    elif before and after[0] != before[0]:
        found.append(invalid(f"{path}[0]", shown, _FIXED))
    return found + _released(spec, before, after, "clusterIP")


def _families(spec: Json, old: Json) -> list[Cause]:
    after, before = spec.get("ipFamilies") or [], old.get("ipFamilies") or []
    shown, path = after or None, "spec.ipFamilies[0]"
    if len(after) == len(before):
        pairs = zip(before, after, strict=True)
        return [invalid(path, shown, _FIXED) for one, other in pairs if one != other]
    found: list[Cause] = []
    if len(before) > len(after) and not spec.get("clusterIPs"):
        found.append(invalid(path, shown, "primary ipFamily can not be unset"))
    if before and after and after[0] != before[0]:
        # Upstream shows the addresses.
        found.append(invalid(path, spec.get("clusterIPs"), _FIXED))
    return found + _released(spec, before, after, "ipFamily")


def _released(spec: Json, before: list[str], after: list[str], what: str) -> list[Cause]:
    policy = spec.get("ipFamilyPolicy")
    if len(before) <= len(after) or len(after) != 1 or policy == "SingleStack":
        return []
    text = f"must be set to 'SingleStack' when releasing the secondary {what}"
    return [invalid("spec.ipFamilyPolicy", policy, text)]
