"""What the API server allocates for Services: cluster IPs and node ports.

What a write reserved is given back when the write fails, and what it replaced when it succeeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import define, field

from k8slite.apiserver.attributes import Asked, Attributes
from k8slite.apiserver.ip_families import fill_ip_families
from k8slite.apiserver.service_addresses import ServiceAddresses
from k8slite.apiserver.service_ports import ServicePorts, node_ports
from k8slite.apiserver.storage import Storage
from k8slite.objects import codec
from k8slite.world import World

Json = dict[str, Any]

_SERVICES: Final = ("", "services")


@define(eq=False)
class Reservation:
    """What one write has taken and, should it succeed, lets go."""

    _allocations: Allocations | None = None
    taken_ips: list[str] = field(factory=list)
    taken_ports: list[int] = field(factory=list)
    freed_ips: list[str] = field(factory=list)
    freed_ports: list[int] = field(factory=list)

    async def give_back(self) -> None:
        """The write failed, or was a dry run."""
        await self._free(self.taken_ips, self.taken_ports)

    async def keep(self) -> None:
        """The write is done."""
        await self._free(self.freed_ips, self.freed_ports)

    async def _free(self, ips: Sequence[str], ports: list[int]) -> None:
        if self._allocations is not None:
            self._allocations.ports.free(ports)
            for ip in ips:
                await self._allocations.addresses.free(ip)


_NOTHING: Final = Reservation()


@define(eq=False)
class Allocations:
    """The cluster's address ranges and its ports."""

    storage: Storage
    world: World
    service_cidr: str = "10.96.0.0/16"
    addresses: ServiceAddresses = field(init=False)
    ports: ServicePorts = field(init=False)
    _loaded: bool = False

    def __attrs_post_init__(self) -> None:
        self.addresses = ServiceAddresses(self.storage, self.world, self.service_cidr)
        self.ports = ServicePorts(self.world)

    def forget(self) -> None:
        """The stored Services have been written without us: they will be looked at anew."""
        self.ports.taken.clear()
        self._loaded = False

    async def reserve(self, attributes: Attributes) -> Reservation:
        """Fill in what a Service asks for, or check what it names.

        Raises Invalid, or InternalError where nothing is left.
        """
        asked = attributes.asked
        if (asked.kind.group, asked.kind.plural) != _SERVICES or asked.subresource:
            return _NOTHING
        self._load()
        reservation = Reservation(self)
        new, old = attributes.new or {}, attributes.old or {}
        try:
            fill_ip_families(new, old)
            await self._reserve_ip(reservation, asked, new, old)
            reservation.taken_ports += self.ports.fill_in(new, old, asked.dry_run)
        except BaseException:
            await reservation.give_back()
            raise
        kept = node_ports(new)
        reservation.freed_ports += [number for number in node_ports(old) if number not in kept]
        return reservation

    async def release(self, asked: Asked, value: bytes) -> None:
        """Let go of what a removed object had, given its stored form; only Services have."""
        if (asked.kind.group, asked.kind.plural) != _SERVICES:
            return
        gone = codec.loads(value)
        self._load()
        self.ports.free(node_ports(gone))
        for ip in _cluster_ips(gone):
            await self.addresses.free(ip)

    async def _reserve_ip(
        self, reservation: Reservation, asked: Asked, new: Json, old: Json
    ) -> None:
        spec = new["spec"]
        had = _cluster_ips(old)
        if spec.get("type") == "ExternalName":
            for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                spec.pop(name, None)
            reservation.freed_ips += had
            return
        wanted = (spec.get("clusterIPs") or [spec.get("clusterIP") or ""])[0]
        if wanted != "None" and wanted not in had:
            if wanted:
                await self.addresses.take(new, wanted, asked.dry_run)
            else:
                wanted = await self.addresses.pick(new, asked.dry_run)
            if not asked.dry_run:
                reservation.taken_ips.append(wanted)
        spec["clusterIP"], spec["clusterIPs"] = wanted, [wanted]

    def _load(self) -> None:
        if not self._loaded:
            self._loaded = True
            for _, service in self.storage.every("services/"):
                self.ports.taken.update(node_ports(service))


def _cluster_ips(service: Json) -> list[str]:
    found = (service.get("spec") or {}).get("clusterIPs") or ()
    return [ip for ip in found if ip and ip != "None"]
