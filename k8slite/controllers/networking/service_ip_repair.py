"""Cluster IPs and the IPAddresses that reserve them say the same, whatever a crash has left.

Upstream: `pkg/registry/core/service/ipallocator/controller/repairip.go`. An IPAddress is made
before its Service is, and may have lost it on the way: after a minute it has leaked. A Service
whose address is reserved by nobody gets it reserved again.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, ClassVar, Final

from k8slite.client.recorder import Reference
from k8slite.client.resource import IP_ADDRESSES, SERVICES
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.core.models import Service
from k8slite.kinds.models import PartialObject
from k8slite.kinds.networking.service_ranges import ALLOCATOR, MANAGED_BY
from k8slite.objects.errors import AlreadyExists, NotFound
from k8slite.objects.meta import Name

Json = dict[str, Any]

GRACE: Final = timedelta(seconds=60)  # for the Service of an address to be written (as upstream)


class ServiceIpRepair(Controller):
    """Its keys are the names of Services, and of IPAddresses, which have no namespace."""

    name: ClassVar[str] = "ipallocator-repair-controller"
    since: ClassVar[int] = 33

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._services = self.mirrors.of(SERVICES, Service)
        self._addresses = self.mirrors.of(IP_ADDRESSES, PartialObject)
        self.watch(self._services, _of_service)
        self.watch(self._addresses, self._of_address)

    async def reconcile(self, name: Name) -> float | None:
        if not name.namespace:
            return await self._address(name)
        service = self._services.get(name)
        if service is not None and service.metadata.deletion_timestamp is None:
            for ip in _cluster_ips(service):
                await self._reserve(service, ip)
        return None

    async def _reserve(self, service: Service, ip: str) -> None:
        """Make a Service's reservation where there is none."""
        if self._addresses.get(Name("", ip)) is not None:
            return
        try:
            await self.client.get(IP_ADDRESSES, ip)  # the mirror may be behind
            return
        except NotFound:
            pass
        metadata = service.metadata
        family = "IPv6" if ":" in ip else "IPv4"
        address = {
            "metadata": {
                "name": ip,
                "labels": {
                    "ipaddress.kubernetes.io/ip-family": family,
                    MANAGED_BY: ALLOCATOR,
                },
            },
            "spec": {
                "parentRef": {
                    "resource": SERVICES.plural,
                    "namespace": metadata.namespace,
                    "name": metadata.name,
                }
            },
        }
        message = f"Cluster IP [{family}]: {ip} is not allocated; repairing"
        about = Reference("v1", "Service", metadata)
        self.recorder.event(about, "Warning", "ClusterIPNotAllocated", message)
        try:
            await self.client.create(IP_ADDRESSES, address)
        except AlreadyExists:
            return

    async def _address(self, name: Name) -> float | None:
        """Take an address away that no Service has; in how many seconds it may be looked at."""
        found, document = self._addresses.get(name), self._addresses.document(name)
        if found is None or document is None or found.metadata.deletion_timestamp is not None:
            return None
        parent = (document.get("spec") or {}).get("parentRef") or {}
        if (parent.get("group", ""), parent.get("resource")) != ("", SERVICES.plural):
            return None
        if await self._has(parent, name.name):
            return None
        created = found.metadata.creation_timestamp
        age = self.world.now() - created if created is not None else GRACE
        if age < GRACE:
            return (GRACE - age).total_seconds()
        message = (
            f"IPAddress: {name.name} for Service {parent.get('namespace')}/{parent.get('name')} "
            "appears to have leaked: cleaning up"
        )
        about = Reference(IP_ADDRESSES.api_version, IP_ADDRESSES.kind, found.metadata)
        self.recorder.event(about, "Warning", "IPAddressNotAllocated", message)
        options = {"preconditions": {"uid": found.metadata.uid}}
        try:
            await self.client.delete(IP_ADDRESSES, name.name, "", options)
        except NotFound:
            return None
        return None

    async def _has(self, parent: Json, ip: str) -> bool:
        """Whether the Service that an address is for has it, by the newest state."""
        try:
            service = await self.client.get(SERVICES, parent["name"], parent["namespace"])
        except NotFound:
            return False
        return ip in (service["spec"].get("clusterIPs") or ())

    def _of_address(self, old: PartialObject | None, new: PartialObject | None) -> Iterator[Name]:
        if new is not None:
            if old is None:
                yield new.metadata.full_name
            return
        assert old is not None, "a change is of something"
        for service in self._services.all():
            if old.metadata.name in service.spec.cluster_ips:
                yield service.metadata.full_name


def _of_service(old: Service | None, new: Service | None) -> Iterable[Name]:
    """A Service whose addresses are others now, and the addresses that it had."""
    before = _cluster_ips(old) if old is not None else []
    after = _cluster_ips(new) if new is not None else []
    if before == after:
        return
    if new is not None:
        yield new.metadata.full_name
    for ip in before:
        if ip not in after:
            yield Name("", ip)


def _cluster_ips(service: Service) -> list[str]:
    found = []
    for ip in service.spec.cluster_ips:
        try:
            found.append(str(ipaddress.ip_address(ip)))
        except ValueError:
            continue  # "None", of a headless Service
    return found
