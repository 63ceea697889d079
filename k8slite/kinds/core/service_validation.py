"""Services: ports, types, addresses and policies.

Mirrors `ValidateService` and `ValidateServiceUpdate` of `pkg/apis/core/validation`. Whether an
address or node port is free is the allocators' business; what is not allocated yet is let pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from k8slite.kinds.core.container_validation import PROTOCOLS
from k8slite.kinds.core.probe_validation import validate_port
from k8slite.kinds.core.service_defaults import externally_accessible, needs_health_check
from k8slite.kinds.core.service_update_validation import validate_service_update
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, forbidden, invalid, not_supported, required
from k8slite.objects.metadata_validation import each, validate_labels
from k8slite.objects.names import (
    is_cidr,
    is_dns1123_label,
    is_dns1123_subdomain,
    is_ip,
    is_non_special_ip,
    is_port_number,
    is_qualified_name,
)

Json = dict[str, Any]

AFFINITY_LIMIT_SECONDS: Final = 86400


def validate_service(new: Json, old: Json | None) -> list[Cause]:
    """A Service, new or changed."""
    spec = new["spec"]
    found = validate_service_update(spec, old["spec"]) if old is not None else []
    found += _topology(new["metadata"].get("annotations") or {})
    kind = spec.get("type", "")
    headless = spec.get("clusterIP") == "None"
    ports = spec.get("ports", ())
    if not ports and not headless and kind != "ExternalName":
        found.append(required("spec.ports"))
    if kind in ("LoadBalancer", "NodePort") and headless:
        text = f"may not be set to 'None' for {kind} services"
        found.append(invalid("spec.clusterIPs[0]", "None", text))
    if kind == "ExternalName":
        found += _external_name(spec)
    names: list[str] = []
    for i, port in enumerate(ports):
        found += _port(port, len(ports) > 1, names, f"spec.ports[{i}]")
    found += validate_labels(spec.get("selector"), "spec.selector")
    found += _affinity(spec)
    if kind != "ExternalName":
        found += _cluster_ips(spec)
    for i, ip in enumerate(spec.get("externalIPs", ())):
        wrong = is_ip(ip)
        found += each(f"spec.externalIPs[{i}]", ip, wrong or is_non_special_ip(ip))
    if kind not in _TYPES:
        found.append(not_supported("spec.type", kind, _TYPES) if kind else required("spec.type"))
    if kind == "ClusterIP":
        for i, port in enumerate(ports):
            if port.get("nodePort"):
                text = "may not be used when `type` is 'ClusterIP'"
                found.append(forbidden(f"spec.ports[{i}].nodePort", text))
    found += _duplicates(ports)
    return found + _balancer(new, spec) + _traffic(spec)


def _topology(annotations: Json) -> list[Cause]:
    mode, hints = annotations.get(_MODE), annotations.get(_HINTS)
    if mode is None or hints is None or mode == hints:
        return []
    text = f"must match annotations[{_HINTS}] when both are specified"
    return [invalid(f"metadata.annotations[{_MODE}]", mode, text)]


def _external_name(spec: Json) -> list[Cause]:
    text = "may not be set for ExternalName services"
    found = [
        forbidden(f"spec.{key}", text)
        for key in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
        if spec.get(key)
    ]
    name = spec.get("externalName", "").removesuffix(".")
    if not name:
        found.append(required("spec.externalName"))
    else:
        found += each("spec.externalName", name, is_dns1123_subdomain(name))
    return found


def _port(port: Json, name_needed: bool, names: list[str], path: str) -> list[Cause]:
    found: list[Cause] = []
    name = port.get("name", "")
    if not name:
        if name_needed:
            found.append(required(f"{path}.name"))
    else:
        found += each(f"{path}.name", name, is_dns1123_label(name))
        if name in names:
            found.append(duplicate(f"{path}.name", name))
        else:
            names.append(name)
    number = port.get("port", 0)
    found += each(f"{path}.port", number, is_port_number(number))
    protocol = port.get("protocol", "")
    if protocol not in PROTOCOLS:
        at = f"{path}.protocol"
        found.append(not_supported(at, protocol, PROTOCOLS) if protocol else required(at))
    found += validate_port(port.get("targetPort", 0), f"{path}.targetPort")
    application = port.get("appProtocol")
    if application is not None:
        found += each(f"{path}.appProtocol", application, is_qualified_name(application))
    return found


def _affinity(spec: Json) -> list[Cause]:
    affinity, config = spec.get("sessionAffinity", ""), spec.get("sessionAffinityConfig")
    if affinity not in ("ClientIP", "None"):
        at = "spec.sessionAffinity"
        return [not_supported(at, affinity, ("ClientIP", "None")) if affinity else required(at)]
    if affinity == "None":
        if config is None:
            return []
        text = "must not be set when session affinity is None"
        return [forbidden("spec.sessionAffinityConfig", text)]
    seconds = ((config or {}).get("clientIP") or {}).get("timeoutSeconds")
    at = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
    if seconds is None:
        return [required(at, "when session affinity type is ClientIP")]
    if not 0 < seconds <= AFFINITY_LIMIT_SECONDS:
        text = f"must be greater than 0 and less than {AFFINITY_LIMIT_SECONDS}"
        return [invalid(at, seconds, text)]
    return []


def _cluster_ips(spec: Json) -> list[Cause]:
    found: list[Cause] = []
    families = spec.get("ipFamilies", [])
    for i, family in enumerate(families):
        if family not in _FAMILIES:
            found.append(not_supported(f"spec.ipFamilies[{i}]", family, _FAMILIES))
        elif family in families[:i]:
            found.append(duplicate(f"spec.ipFamilies[{i}]", family))
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in _FAMILY_POLICIES:
        found.append(not_supported("spec.ipFamilyPolicy", policy, _FAMILY_POLICIES))
    ip, ips = spec.get("clusterIP", ""), spec.get("clusterIPs", [])
    if ip and not ips:
        found.append(required("spec.clusterIPs"))
    if ips and ip != ips[0]:
        text = "first value must match `clusterIP`"
        found.append(invalid("spec.clusterIPs", ips, text))
    if len(ips) > 2:
        text = "may only hold up to 2 values"
        found.append(invalid("spec.clusterIPs", ips, text))
    if len(ips) > 1 and "None" in ips:
        text = "'None' must be the first and only value"
        found.append(invalid("spec.clusterIPs[0]", "None", text))
    for i, one in enumerate(ips):
        if one != "None":
            found += each(f"spec.clusterIPs[{i}]", one, is_ip(one))
    return found


def _duplicates(ports: list[Json] | tuple[()]) -> list[Cause]:
    found: list[Cause] = []
    seen: list[tuple[str, str, int]] = []
    for key in ("nodePort", "port"):
        for i, port in enumerate(ports):
            number, protocol = port.get(key, 0), port.get("protocol", "")
            if key == "nodePort" and not number:
                continue
            one = (key, protocol, number)
            if one in seen:
                if key == "nodePort":
                    found.append(duplicate(f"spec.ports[{i}].nodePort", number))
                else:
                    # The key is a port of upstream's internal type, with little filled in.
                    shown: Mapping[str, Any] = {
                        "Name": "",
                        "Protocol": protocol,
                        "AppProtocol": None,
                        "Port": number,
                        "TargetPort": 0,
                        "NodePort": 0,
                    }
                    found.append(duplicate(f"spec.ports[{i}]", shown))
            seen.append(one)
    return found


def _balancer(service: Json, spec: Json) -> list[Cause]:
    found: list[Cause] = []
    balanced = spec.get("type") == "LoadBalancer"
    text = "may only be used when `type` is 'LoadBalancer'"
    ranges = spec.get("loadBalancerSourceRanges")
    annotation = service["metadata"].get("annotations", {}).get(_RANGES)
    if ranges:
        if not balanced:
            found.append(forbidden("spec.LoadBalancerSourceRanges", text))
        for i, block in enumerate(ranges):
            at = f"spec.LoadBalancerSourceRanges[{i}]"
            found += each(at, block.strip(), is_cidr(block.strip()))
    elif annotation is not None:
        at = f"metadata.annotations[{_RANGES}]"
        if not balanced:
            found.append(forbidden(at, text))
        for block in annotation.strip().split(",") if annotation.strip() else ():
            found += each(at, block.strip(), is_cidr(block.strip()))
    if spec.get("allocateLoadBalancerNodePorts") is not None and not balanced:
        found.append(forbidden("spec.allocateLoadBalancerNodePorts", text))
    name = spec.get("loadBalancerClass")
    if name is not None:
        if not balanced:
            found.append(forbidden("spec.loadBalancerClass", text))
        else:
            found += each("spec.loadBalancerClass", name, is_qualified_name(name))
    return found


def _traffic(spec: Json) -> list[Cause]:
    found: list[Cause] = []
    external = spec.get("externalTrafficPolicy", "")
    at = "spec.externalTrafficPolicy"
    if not externally_accessible(spec):
        if external:
            text = "may only be set for externally-accessible services"
            found.append(invalid(at, external, text))
    elif external not in _TRAFFIC:
        found.append(not_supported(at, external, _TRAFFIC) if external else required(at))
    check = spec.get("healthCheckNodePort", 0)
    if check and not needs_health_check(spec):
        text = (
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        )
        found.append(invalid("spec.healthCheckNodePort", check, text))
    elif check:
        found += each("spec.healthCheckNodePort", check, is_port_number(check))
    internal = spec.get("internalTrafficPolicy")
    if internal is not None and internal not in _TRAFFIC:
        found.append(not_supported("spec.internalTrafficPolicy", internal, _TRAFFIC))
    spread = spec.get("trafficDistribution")
    if spread is not None and spread not in _DISTRIBUTIONS:
        found.append(not_supported("spec.trafficDistribution", spread, _DISTRIBUTIONS))
    return found


_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_FAMILIES: Final = ("IPv4", "IPv6")
_FAMILY_POLICIES: Final = ("PreferDualStack", "RequireDualStack", "SingleStack")
_TRAFFIC: Final = ("Cluster", "Local")
_DISTRIBUTIONS: Final = ("PreferClose", "PreferSameNode", "PreferSameZone")
_MODE: Final = "service.kubernetes.io/topology-mode"
_HINTS: Final = "service.kubernetes.io/topology-aware-hints"
_RANGES: Final = "service.beta.kubernetes.io/load-balancer-source-ranges"
