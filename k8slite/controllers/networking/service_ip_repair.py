"""Cluster IPs and the IPAddresses that reserve them say the same, whatever a crash has left.

Upstream: `pkg/registry/core/service/ipallocator/controller/repairip.go`. An IPAddress is made
before its Service is, and may have lost it on the way: after a minute it has leaked. A Service
whose address is reserved by nobody, or for something that is not there, gets it reserved again.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, ClassVar, Final

from k8slite.client.recorder import Reference
from k8slite.client.resource import IP_ADDRESSES, SERVICE_CIDRS, SERVICES
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.core.models import Service
from k8slite.kinds.models import PartialObject
from k8slite.kinds.networking.models import ServiceCidr
from k8slite.kinds.networking.service_ranges import (
    ALLOCATOR,
    FAMILY,
    MANAGED_BY,
    family_of,
    holds_address,
)
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
        self._ranges = self.mirrors.of(SERVICE_CIDRS, ServiceCidr)
        self.watch(self._services, _of_service)
        self.watch(self._addresses, self._of_address)
        self.watch(self._ranges, self._of_range)

    async def reconcile(self, name: Name) -> float | None:
        """Returns in how many seconds an address may be looked at."""
        if not name.namespace:
            return await self._address(name)
        service = self._services.get(name)
        if service is not None and service.metadata.deletion_timestamp is None:
            for ip in _cluster_ips(service):
                await self._check(service, ip)
        return None

    async def _check(self, service: Service, ip: str) -> None:
        """See that a Service's address is reserved for it."""
        shown = f"[{family_of(ip)}]: {ip}"
        if not any(holds_address(one.spec.cidrs, ip) for one in self._ranges.all()):
            text = f"Cluster IP {shown} is not within any configured Service CIDR"
            self._warn(service, "ClusterIPOutOfRange", f"{text}; please recreate service")
            return
        known = self._addresses.document(Name("", ip))
        if known is None:
            known = await self._read(ip)  # the mirror may be behind
        if known is None:
            text = f"Cluster IP {shown} is not allocated; repairing"
            self._warn(service, "ClusterIPNotAllocated", text)
            await self._reserve(service, ip)
            return
        parent, metadata = _parent(known), service.metadata
        if parent != ("", SERVICES.plural, metadata.namespace, metadata.name):
            if not _is_of_service(parent) or not await self._has(parent, ip):
                about = f"{metadata.namespace}/{metadata.name}"
                text = f"the ClusterIP {shown} for Service {about} has a wrong reference; repairing"
                await self._reserve_anew(service, ip, text)
                return
            text = f"Cluster IP {shown.replace(': ', ':')} was assigned to multiple services"
            self._warn(service, "ClusterIPAlreadyAllocated", f"{text}; please recreate service")
        elif not _is_labelled(known):
            await self._reserve_anew(service, ip, "")

    async def _reserve_anew(self, service: Service, ip: str, why: str) -> None:
        """Have another reservation in the place of one that is wrong by the newest state, too."""
        known, metadata = await self._read(ip), service.metadata
        own = ("", SERVICES.plural, metadata.namespace, metadata.name)
        if known is None or not await self._has(own, ip):
            return  # the mirrors will tell
        parent = _parent(known)
        right = parent == own and _is_labelled(known)
        if right or (parent != own and _is_of_service(parent) and await self._has(parent, ip)):
            return
        if why:
            self._warn(service, "ClusterIPNotAllocated", why)
        await self._remove(ip, known["metadata"]["uid"])
        await self._reserve(service, ip)

    async def _reserve(self, service: Service, ip: str) -> None:
        metadata = service.metadata
        address = {
            "metadata": {"name": ip, "labels": {FAMILY: family_of(ip), MANAGED_BY: ALLOCATOR}},
            "spec": {
                "parentRef": {
                    "resource": SERVICES.plural,
                    "namespace": metadata.namespace,
                    "name": metadata.name,
                }
            },
        }
        try:
            await self.client.create(IP_ADDRESSES, address)
        except AlreadyExists:
            return

    async def _address(self, name: Name) -> float | None:
        """Take an address away that no Service has; in how many seconds it may be looked at."""
        found, document = self._addresses.get(name), self._addresses.document(name)
        if found is None or document is None or found.metadata.deletion_timestamp is not None:
            return None
        if found.metadata.labels.get(MANAGED_BY) != ALLOCATOR:
            return None
        ip, parent = name.name, _parent(document)
        about = f"{parent[2]}/{parent[3]}"
        reason, text = "IPAddressNotAllocated", f"IPAddress: {ip} for Service {about} appears to "
        if not _is_of_service(parent):
            shown = "{" + " ".join(parent) + "}"
            text = f"IPAddress {ip} appears to have been modified, not referencing a Service "
            text += f"{shown}: cleaning up"
        else:
            service = await self._parent_of(parent)
            if service is not None and ip in (service["spec"].get("clusterIPs") or ()):
                return None
            # It is made before its Service is written, be that new or one that gets an address
            # (upstream waits for new ones only).
            created = found.metadata.creation_timestamp
            age = self.world.now() - created if created is not None else GRACE
            if age < GRACE:
                return (GRACE - age).total_seconds()
            if service is None:
                text += "have leaked: cleaning up"
            else:
                reason = "IPAddressWrongReference"
                text = f"IPAddress: {ip} for Service {about} has a wrong reference; cleaning up"
        subject = Reference(IP_ADDRESSES.api_version, IP_ADDRESSES.kind, found.metadata)
        self.recorder.event(subject, "Warning", reason, text)
        await self._remove(ip, found.metadata.uid)
        return None

    async def _remove(self, ip: str, uid: str) -> None:
        try:
            await self.client.delete(IP_ADDRESSES, ip, "", {"preconditions": {"uid": uid}})
        except NotFound:
            return

    async def _read(self, ip: str) -> Json | None:
        try:
            return await self.client.get(IP_ADDRESSES, ip)
        except NotFound:
            return None

    async def _has(self, parent: Parent, ip: str) -> bool:
        """Whether a Service has that address, by the newest state."""
        service = await self._parent_of(parent)
        return service is not None and ip in (service["spec"].get("clusterIPs") or ())

    async def _parent_of(self, parent: Parent) -> Json | None:
        """The Service that an address is for, by the newest state."""
        try:
            return await self.client.get(SERVICES, parent[3], parent[2])
        except NotFound:
            return None

    def _warn(self, service: Service, reason: str, text: str) -> None:
        about = Reference("v1", "Service", service.metadata)
        self.recorder.event(about, "Warning", reason, text)

    def _of_range(self, old: ServiceCidr | None, new: ServiceCidr | None) -> Iterator[Name]:
        """The Services that a range has addresses of, when it comes or goes."""
        if old is not None and new is not None:
            return
        found = new or old
        assert found is not None, "a change is of something"
        for service in self._services.all():
            if any(holds_address(found.spec.cidrs, ip) for ip in _cluster_ips(service)):
                yield service.metadata.full_name

    def _of_address(self, old: PartialObject | None, new: PartialObject | None) -> Iterator[Name]:
        """It, and the Services that have it if it has gone or says something else now."""
        found = new or old
        assert found is not None, "a change is of something"
        if new is not None:
            yield new.metadata.full_name
        if old is not None:
            for service in self._services.all():
                if found.metadata.name in service.spec.cluster_ips:
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


# Group, resource, namespace and name of what an address is for.
Parent = tuple[str, str, str, str]


def _parent(address: Json) -> Parent:
    parent = (address.get("spec") or {}).get("parentRef") or {}
    group, resource = parent.get("group", ""), parent.get("resource", "")
    return group, resource, parent.get("namespace", ""), parent.get("name", "")


def _is_of_service(parent: Parent) -> bool:
    return parent[:2] == ("", SERVICES.plural)


def _is_labelled(address: Json) -> bool:
    """Whether it has the labels that the allocator gives."""
    metadata = address["metadata"]
    labels = metadata.get("labels") or {}
    wanted = (family_of(metadata["name"]), ALLOCATOR)
    return (labels.get(FAMILY), labels.get(MANAGED_BY)) == wanted
