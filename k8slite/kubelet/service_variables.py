"""The variables by which containers find services (pure).

Upstream: `pkg/kubelet/envvars` and getServiceEnvVarMap: services of the pod's namespace that have
an address, and always default/kubernetes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]


def service_variables(pod: Json, services: Sequence[Json]) -> dict[str, str]:
    """{NAME}_SERVICE_HOST and so on, for all services that there were when it started."""
    found: dict[str, str] = {}
    linked = pod["spec"].get("enableServiceLinks", True)
    namespace = pod["metadata"]["namespace"]
    for service in services:
        metadata = service["metadata"]
        of_cluster = (metadata["namespace"], metadata["name"]) == ("default", "kubernetes")
        address = service["spec"].get("clusterIP")
        if address in (None, "", "None") or not service["spec"].get("ports"):
            continue
        if of_cluster or (linked and metadata["namespace"] == namespace):
            found.update(_of_one(metadata["name"], address, service["spec"]["ports"]))
    return found


def _of_one(service: str, address: str, ports: list[Json]) -> dict[str, str]:
    name = service.upper().replace("-", "_")
    host = f"[{address}]" if ":" in address else address
    found = {f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": str(ports[0]["port"])}
    for port in ports:
        if port.get("name"):
            called = port["name"].upper().replace("-", "_")
            found[f"{name}_SERVICE_PORT_{called}"] = str(port["port"])
    for position, port in enumerate(ports):
        protocol = port.get("protocol", "TCP")
        url = f"{protocol.lower()}://{host}:{port['port']}"
        prefix = f"{name}_PORT_{port['port']}_{protocol}"
        if position == 0:
            found[f"{name}_PORT"] = url
        found |= {
            prefix: url,
            f"{prefix}_PROTO": protocol.lower(),
            f"{prefix}_PORT": str(port["port"]),
            f"{prefix}_ADDR": address,
        }
    return found
