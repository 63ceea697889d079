"""EndpointSlices of what others write into Endpoints, for Services without a selector.

Who knows only the older form publishes addresses so; who reads only slices finds them here.
Upstream: `pkg/controller/endpointslicemirroring`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any, ClassVar, Final

from attrs import Factory, define

from k8slite.client.recorder import Reference
from k8slite.client.resource import ENDPOINT_SLICES, ENDPOINTS, SERVICES
from k8slite.controllers.controller import Context, Controller, own_key
from k8slite.controllers.networking.endpoints import LEADER
from k8slite.controllers.networking.service_pods import TRIGGER_TIME
from k8slite.controllers.networking.slice_packing import Plan, endpoint_key, pack, port_key
from k8slite.controllers.networking.slice_writing import (
    MANAGED_BY,
    SERVICE_NAME,
    carry_out,
    name_prefix,
    service_of_slice,
    staying,
)
from k8slite.kinds.core.models import Endpoints, Service
from k8slite.kinds.discovery.models import EndpointSlice
from k8slite.objects.meta import Name, owner_reference

Json = dict[str, Any]

CONTROLLER: Final = "endpointslicemirroring-controller.k8s.io"
SKIP: Final = "endpointslice.kubernetes.io/skip-mirror"
ADDRESSES_MOST: Final = 1000  # of one subset (upstream's --mirroring-max-endpoints-per-subset)
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_BY_SERVICE: Final = "mirrored for"


class EndpointSliceMirroringController(Controller):
    """Its keys are the names of Endpoints, which are those of their Services."""

    name: ClassVar[str] = "endpointslice-mirroring-controller"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._endpoints = self.mirrors.of(ENDPOINTS, Endpoints)
        self._services = self.mirrors.of(SERVICES, Service)
        self._slices = self.mirrors.of(ENDPOINT_SLICES, EndpointSlice)
        self._slices.add_index(_BY_SERVICE, lambda one: [str(name) for name in _of_slice(one)])
        self.watch(self._endpoints, _of_endpoints)
        self.watch(self._services, _of_service)
        self.watch(self._slices, lambda old, new: [*_of_slice(old), *_of_slice(new)])

    async def reconcile(self, name: Name) -> None:
        """Bring the mirrored slices to what the Endpoints say."""
        endpoints = self._endpoints.get(name)
        service = self._services.get(name)
        existing = staying(self._slices, _BY_SERVICE, name)
        if (
            endpoints is None
            or not _mirrored(endpoints)
            or service is None
            or service.spec.selector
        ):
            await carry_out(self.client, Plan(delete=existing), name.namespace, ending=True)
            return
        document = self._endpoints.document(name)
        assert document is not None, "the mirror has both or none"
        wanted = _Wanted()
        for subset in document.get("subsets") or ():
            wanted.take(subset)
        self._tell(endpoints, wanted)
        plan = _plan(document, wanted, existing)
        ending = endpoints.metadata.deletion_timestamp is not None
        await carry_out(self.client, plan, name.namespace, ending=ending)

    def _tell(self, endpoints: Endpoints, wanted: _Wanted) -> None:
        """Say what is left out, in events about the Endpoints."""
        regarding = Reference("v1", "Endpoints", endpoints.metadata)
        if wanted.invalid:
            message = (
                f"Skipped {wanted.invalid} invalid IP addresses when mirroring to EndpointSlices"
            )
            self.recorder.event(regarding, "Warning", "InvalidIPAddress", message)
        if wanted.skipped > wanted.invalid:
            message = (
                f"A max of {ADDRESSES_MOST} addresses can be mirrored to EndpointSlices per "
                f"Endpoints subset. {wanted.skipped} addresses were skipped"
            )
            self.recorder.event(regarding, "Warning", "TooManyAddressesToMirror", message)


@define
class _Wanted:
    """Endpoints by address family and ports, and how many addresses are left out."""

    groups: dict[tuple[str, bytes], dict[Any, Json]] = Factory(dict)
    ports: dict[bytes, list[Json]] = Factory(dict)
    invalid: int = 0
    skipped: int = 0  # the invalid ones included

    def take(self, subset: Json) -> None:
        """Add the addresses of one subset, up to ADDRESSES_MOST."""
        ports = [_port(port) for port in subset.get("ports") or ()]
        key = port_key(ports)
        self.ports.setdefault(key, ports)
        ready = [(one, True) for one in subset.get("addresses") or ()]
        rest = [(one, False) for one in subset.get("notReadyAddresses") or ()]
        taken = 0
        for address, is_ready in ready + rest:
            if taken >= ADDRESSES_MOST:
                break
            try:
                ip = ipaddress.ip_address(address["ip"])
            except ValueError:
                self.invalid += 1
                continue
            endpoint = _endpoint(address, str(ip), ready=is_ready)
            group = self.groups.setdefault((f"IPv{ip.version}", key), {})
            group[endpoint_key(endpoint)] = endpoint
            taken += 1
        self.skipped += len(ready) + len(rest) - taken


def _plan(document: Json, wanted: _Wanted, existing: list[Json]) -> Plan:
    """One slice for each family and list of ports; every other goes."""
    by_group: dict[tuple[str, bytes], list[Json]] = {}
    for one in existing:
        by_group.setdefault((one["addressType"], port_key(one.get("ports"))), []).append(one)
    plan = Plan()
    for group in sorted(wanted.groups):
        family, ports = group
        template = _template(document, family, wanted.ports[ports])
        there = by_group.pop(group, [])
        plan.add(pack(there[:1], wanted.groups[group], template, most=ADDRESSES_MOST))
        plan.delete += there[1:]
    for group in sorted(by_group):
        plan.delete += by_group[group]
    plan.reuse()
    return plan


def _template(document: Json, family: str, ports: list[Json]) -> Json:
    """A new slice without endpoints (`newEndpointSlice`)."""
    metadata = document["metadata"]
    name = metadata["name"]
    annotations = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if key not in (TRIGGER_TIME, _LAST_APPLIED)
    }
    labels = {**(metadata.get("labels") or {}), SERVICE_NAME: name, MANAGED_BY: CONTROLLER}
    return {
        "apiVersion": ENDPOINT_SLICES.api_version,
        "kind": ENDPOINT_SLICES.kind,
        "metadata": {
            "generateName": name_prefix(name),
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner_reference("v1", "Endpoints", name, metadata["uid"])],
        },
        "addressType": family,
        "ports": ports,
        "endpoints": [],
    }


def _endpoint(address: Json, ip: str, *, ready: bool) -> Json:
    found: Json = {"addresses": [ip], "conditions": {"ready": ready}}
    for field in ("hostname", "nodeName", "targetRef"):
        if address.get(field):
            found[field] = address[field]
    return found


def _port(port: Json) -> Json:
    found = {"name": port.get("name", ""), "port": port["port"]}
    found["protocol"] = port.get("protocol", "TCP")
    if port.get("appProtocol") is not None:
        found["appProtocol"] = port["appProtocol"]
    return found


def _mirrored(endpoints: Endpoints | None) -> bool:
    """Whether Endpoints ask for slices (`shouldMirror`)."""
    if endpoints is None or endpoints.metadata.labels.get(SKIP) == "true":
        return False
    return LEADER not in endpoints.metadata.annotations


def _of_endpoints(old: Endpoints | None, new: Endpoints | None) -> Iterable[Name]:
    return own_key(old, new) if _mirrored(old) or _mirrored(new) else ()


def _of_service(old: Service | None, new: Service | None) -> Iterable[Name]:
    """One that has no selector, or had none."""
    if any(one is not None and not one.spec.selector for one in (old, new)):
        return own_key(old, new)
    return ()


def _of_slice(one: EndpointSlice | None) -> list[Name]:
    return service_of_slice(one, CONTROLLER)
