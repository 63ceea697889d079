"""From a Service and one of its ports to the address of a ready endpoint.

Upstream: `apiserver/pkg/util/proxy.ResolveEndpoint`; it takes any of the ready endpoints, here it
is the first, so that runs can be repeated. A pod may really listen somewhere else than its status
says (a program in this process, on the loopback): then that is where it is reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen

from k8slite.apiserver.calling.endpoint import CallFailed
from k8slite.apiserver.storage import Storage
from k8slite.objects.fields import quoted
from k8slite.objects.meta import Name

Json = dict[str, Any]


def nowhere(pod: Name) -> str:
    """No pod listens anywhere else than its status says."""
    return ""


@frozen
class Services:
    """Looks services up in the store."""

    storage: Storage
    listening: Callable[[Name], str] = nowhere  # a pod's real address; "": as its status says

    def address(self, namespace: str, name: str, port: int) -> str:
        """HOST:PORT of one of the ready endpoints of a service. Raises CallFailed."""
        service = self.storage.find("services/", namespace, name)
        if service is None:
            raise CallFailed(f"service {quoted(name)} not found")
        spec = service.get("spec") or {}
        if spec.get("type") == "ExternalName":
            return f"{spec['externalName']}:{port}"
        chosen = next((one for one in spec.get("ports") or () if one["port"] == port), None)
        if chosen is None:
            raise CallFailed(f"no service port {port} found for service {quoted(name)}")
        for address, target_port, target in self.ready(namespace, name, chosen.get("name") or ""):
            pod = Name(namespace, target.get("name", "")) if target.get("kind") == "Pod" else None
            return joined((pod and self.listening(pod)) or address, target_port)
        raise CallFailed(f"no endpoints available for service {quoted(name)}")

    def ready(self, namespace: str, name: str, port_name: str) -> Iterator[tuple[str, int, Json]]:
        """Address, port and what it is of ({} if nothing), of each ready endpoint of a service."""
        for _, found in self.storage.every(f"discovery.k8s.io.endpointslices/{namespace}/"):
            labels = found["metadata"].get("labels") or {}
            if labels.get("kubernetes.io/service-name") != name:
                continue
            for one in found.get("ports") or ():
                if (one.get("name") or "") != port_name or not one.get("port"):
                    continue
                for endpoint in found.get("endpoints") or ():
                    if (endpoint.get("conditions") or {}).get("ready") is not False:
                        target = endpoint.get("targetRef") or {}
                        yield endpoint["addresses"][0], one["port"], target


def joined(host: str, port: int | str) -> str:
    """HOST:PORT, an IPv6 address in brackets (Go's `net.JoinHostPort`)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
