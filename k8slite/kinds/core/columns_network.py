"""How a service is printed: where it can be reached from inside and from outside.

Mirrors upstream's `printService` in its wide form, which the server always renders.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import AGE, NAME, age, described, items, labels, name, part, table
from k8slite.kinds.kind import Json, Table


def load_balancer_addresses(status: Mapping[str, Any]) -> str:
    """The addresses that a load balancer gave, sorted: of services and ingresses alike."""
    found = (
        one.get("ip") or one.get("hostname")
        for one in items(part(status, "loadBalancer"), "ingress")
    )
    return ",".join(sorted(frozenset(address for address in found if address)))


def _service(obj: Json, now: datetime) -> list[Any]:
    spec = part(obj, "spec")
    cluster_ips = items(spec, "clusterIPs")
    ports = ",".join(_port(port) for port in items(spec, "ports"))
    return [
        name(obj),
        spec.get("type") or "",
        cluster_ips[0] if cluster_ips else "<none>",
        _external(spec, part(obj, "status")),
        ports or "<none>",
        age(obj, now),
        labels(spec.get("selector")),
    ]


def _external(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    external_ips = items(spec, "externalIPs")
    kind = spec.get("type")
    if kind in ("ClusterIP", "NodePort"):
        return ",".join(external_ips) or "<none>"
    if kind == "LoadBalancer":
        given = load_balancer_addresses(status)
        return ",".join([*([given] if given else []), *external_ips]) or "<pending>"
    if kind == "ExternalName":
        return spec.get("externalName") or ""
    return "<unknown>"


def _port(port: Mapping[str, Any]) -> str:
    outside = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port', 0)}{outside}/{port.get('protocol') or ''}"


SERVICE_TABLE: Final[Table] = table(
    _service,
    NAME,
    described("Type", "core.v1.ServiceSpec", "type"),
    described("Cluster-IP", "core.v1.ServiceSpec", "clusterIP"),
    described("External-IP", "core.v1.ServiceSpec", "externalIPs"),
    described("Port(s)", "core.v1.ServiceSpec", "ports"),
    AGE,
    described("Selector", "core.v1.ServiceSpec", "selector", priority=1),
)
