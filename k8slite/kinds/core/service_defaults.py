"""What a Service gets where its author said nothing, and what goes when its type changes.

Mirrors `SetDefaults_Service` and, of `pkg/registry/core/service`, `patchAllocatedValues`,
`NormalizeClusterIPs` and `dropTypeDependentFields`. Cluster IPs and node ports themselves are
allocated by the registry.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.status_defaults import keep_status

Json = dict[str, Any]

AFFINITY_TIMEOUT_SECONDS: Final = 10800


def default_service(service: Json) -> None:
    """Fill in a Service."""
    spec = service.setdefault("spec", {})
    for key in _EMPTY_IS_UNSET:
        if spec.get(key) == "":
            del spec[key]
    affinity = spec.get("sessionAffinity") or "None"
    spec["sessionAffinity"] = affinity
    if affinity == "None":
        spec.pop("sessionAffinityConfig", None)
    elif affinity == "ClientIP":
        client = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        if client.get("timeoutSeconds") is None:
            timeout = {"timeoutSeconds": AFFINITY_TIMEOUT_SECONDS}
            spec["sessionAffinityConfig"] = {"clientIP": timeout}
    service_type = spec.get("type") or "ClusterIP"
    spec["type"] = service_type
    for port in spec.get("ports", ()):
        if not port.get("protocol"):
            port["protocol"] = "TCP"
        if port.get("targetPort", 0) in (0, ""):
            port["targetPort"] = port.get("port", 0)
    if externally_accessible(spec) and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if "internalTrafficPolicy" not in spec and service_type in _CLUSTER_TYPES:
        spec["internalTrafficPolicy"] = "Cluster"
    if service_type == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    service.setdefault("status", {}).setdefault("loadBalancer", {})


def prepare_service(new: Json, old: Json | None) -> None:
    """Keep what was allocated and drop what the new type has no use for."""
    keep_status(new, old)
    new.setdefault("status", {}).setdefault("loadBalancer", {})
    spec = new.setdefault("spec", {})
    if old is not None:
        old_spec = old.get("spec", {})
        _keep_allocated(spec, old_spec)
        _drop_by_type(spec, old_spec)
    _normalize(spec, None if old is None else old.get("spec", {}))


def externally_accessible(spec: Json) -> bool:
    """Whether traffic from outside the cluster may reach it."""
    return spec.get("type") in ("LoadBalancer", "NodePort") or (
        spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))
    )


def needs_health_check(spec: Json) -> bool:
    """Whether a load balancer asks each node if it has an endpoint."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _keep_allocated(spec: Json, old: Json) -> None:
    if spec.get("type") in _CLUSTER_TYPES and old.get("type") in _CLUSTER_TYPES:
        if not spec.get("clusterIP") and old.get("clusterIP"):
            spec["clusterIP"] = old["clusterIP"]
        same = spec.get("clusterIP") == old.get("clusterIP")
        if same and not spec.get("clusterIPs") and old.get("clusterIPs"):
            spec["clusterIPs"] = list(old["clusterIPs"])
        for key in ("ipFamilies", "ipFamilyPolicy"):
            if not spec.get(key) and old.get(key):
                spec[key] = old[key]
    if spec.get("type") in _PORT_TYPES and old.get("type") in _PORT_TYPES:
        before = {
            (port.get("protocol", "TCP"), port.get("port")): port.get("nodePort")
            for port in old.get("ports", ())
        }
        taken = {port["nodePort"] for port in spec.get("ports", ()) if port.get("nodePort")}
        for port in spec.get("ports", ()):
            kept = before.get((port.get("protocol", "TCP"), port.get("port")))
            if not port.get("nodePort") and kept and kept not in taken:
                port["nodePort"] = kept
    if needs_health_check(spec) and needs_health_check(old) and old.get("healthCheckNodePort"):
        spec.setdefault("healthCheckNodePort", old["healthCheckNodePort"])


def _drop_by_type(spec: Json, old: Json) -> None:
    """A field goes with the type that needed it, unless the author set it anew."""
    new_type, old_type = spec.get("type"), old.get("type")
    if new_type != old_type:
        if new_type == "ExternalName" and old_type in _CLUSTER_TYPES:
            for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                if spec.get(key) == old.get(key):
                    spec.pop(key, None)
        if new_type not in _PORT_TYPES and old_type in _PORT_TYPES:
            before = {port.get("nodePort") for port in old.get("ports", ())}
            ports = spec.get("ports", ())
            if all(port.get("nodePort", 0) in before | {0} for port in ports):
                for port in ports:
                    port.pop("nodePort", None)
        if old_type == "LoadBalancer":
            for key in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
                if spec.get(key) == old.get(key):
                    spec.pop(key, None)
    for key, used in (
        ("healthCheckNodePort", needs_health_check),
        ("externalTrafficPolicy", externally_accessible),
    ):
        if used(old) and not used(spec) and spec.get(key) == old.get(key):
            spec.pop(key, None)


def _normalize(spec: Json, old: Json | None) -> None:
    """Older clients know only clusterIP: what they say there counts for clusterIPs."""
    ip = spec.get("clusterIP")
    if old is None:
        if ip and not spec.get("clusterIPs"):
            spec["clusterIPs"] = [ip]
        return
    ips = spec.get("clusterIPs") or []
    old_ip, old_ips = old.get("clusterIP"), old.get("clusterIPs") or []
    if ip != old_ip and ips == old_ips:
        if ip:
            spec["clusterIPs"] = [ip]
        else:
            spec.pop("clusterIPs", None)
    elif ip and not ips:
        spec["clusterIPs"] = [ip]


_CLUSTER_TYPES: Final = ("ClusterIP", "NodePort", "LoadBalancer")
_PORT_TYPES: Final = ("NodePort", "LoadBalancer")
# Upstream's types leave these out where they are empty (`omitempty`).
_EMPTY_IS_UNSET: Final = ("clusterIP", "externalName", "externalTrafficPolicy", "loadBalancerIP")
