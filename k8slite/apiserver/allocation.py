"""Cluster IPs and node ports: each given to one Service at a time.

A cluster IP is reserved by creating its IPAddress object, expected absent, before the Service is
written (upstream: MultiCIDRServiceAllocator), so the store itself refuses a second owner. Node
ports are marked in memory, rebuilt from the stored Services. What a write reserved is given back
when the write fails, and what it replaced when it succeeds.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Sequence
from typing import Any, Final

from attrs import define, field

from k8slite.apiserver.attributes import Asked, Attributes
from k8slite.apiserver.ip_families import fill_ip_families
from k8slite.apiserver.storage import Storage
from k8slite.kinds.networking.service_ranges import ALLOCATOR, MANAGED_BY
from k8slite.objects import codec
from k8slite.objects.errors import InternalError
from k8slite.objects.fields import invalid, refuse
from k8slite.objects.meta import timestamp
from k8slite.store.store import KeyConflict
from k8slite.world import World

Json = dict[str, Any]

NODE_PORTS: Final = range(30000, 32768)
IP_ADDRESSES: Final = "networking.k8s.io.ipaddresses/"
_OUT_OF_RANGE: Final = (
    "provided port is not in the valid range. The range of valid ports is "
    f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
)
_ATTEMPTS: Final = 64  # random picks before the free addresses are gone through in order
_SERVICES: Final = ("", "services")


@define(eq=False)
class Reservation:
    """What one write has taken and, should it succeed, lets go."""

    _allocations: Allocations | None = None
    _taken_ips: list[str] = field(factory=list)
    _taken_ports: list[tuple[str, int]] = field(factory=list)
    _freed_ips: list[str] = field(factory=list)
    _freed_ports: list[tuple[str, int]] = field(factory=list)

    async def give_back(self) -> None:
        """The write failed, or was a dry run."""
        await self._free(self._taken_ips, self._taken_ports)

    async def keep(self) -> None:
        """The write is done."""
        await self._free(self._freed_ips, self._freed_ports)

    async def _free(self, ips: Sequence[str], ports: Sequence[tuple[str, int]]) -> None:
        if self._allocations is not None:
            for port in ports:
                self._allocations.ports.pop(port, None)
            for ip in ips:
                await self._allocations.free_ip(ip)


_NOTHING: Final = Reservation()


@define(eq=False)
class Allocations:
    """The cluster's address range and its ports."""

    storage: Storage
    world: World
    service_cidr: str = "10.96.0.0/16"
    # (protocol, port) -> "namespace/name" of the Service that has it.
    ports: dict[tuple[str, int], str] = field(factory=dict)
    _network: ipaddress.IPv4Network = field(init=False)
    _loaded: bool = False

    def forget(self) -> None:
        """The stored Services have been written without us: they will be looked at anew."""
        self.ports.clear()
        self._loaded = False

    def __attrs_post_init__(self) -> None:
        self._network = ipaddress.IPv4Network(self.service_cidr)

    async def reserve(self, attributes: Attributes) -> Reservation:
        """Fill in what a Service asks for, or check what it names. Raises Invalid."""
        asked = attributes.asked
        if (asked.kind.group, asked.kind.plural) != _SERVICES or asked.subresource:
            return _NOTHING
        self._load()
        reservation = Reservation(self)
        new, old = attributes.new or {}, attributes.old or {}
        try:
            fill_ip_families(new, old)
            await self._reserve_ip(reservation, asked, new, old)
            self._reserve_ports(reservation, asked, new, old)
        except BaseException:
            await reservation.give_back()
            raise
        return reservation

    async def release(self, asked: Asked, value: bytes) -> None:
        """Let go of what a removed object had, given its stored form; only Services have."""
        if (asked.kind.group, asked.kind.plural) != _SERVICES:
            return
        gone = codec.loads(value)
        self._load()
        for key in _node_ports(gone):
            self.ports.pop(key, None)
        for ip in _cluster_ips(gone):
            await self.free_ip(ip)

    async def free_ip(self, ip: str) -> None:
        """Remove the IPAddress object of a cluster IP, if it is there."""
        try:
            await self.storage.store.put(IP_ADDRESSES + ip, None, expect=None)
        except KeyConflict:
            return  # it was not there: nothing is left to do

    async def _reserve_ip(
        self, reservation: Reservation, asked: Asked, new: Json, old: Json
    ) -> None:
        spec = new["spec"]
        had = _cluster_ips(old)
        if spec.get("type") == "ExternalName":
            for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                spec.pop(name, None)
            reservation._freed_ips += had
            return
        wanted = (spec.get("clusterIPs") or [spec.get("clusterIP") or ""])[0]
        if wanted == "None":
            spec["clusterIP"], spec["clusterIPs"] = "None", ["None"]
            return
        if wanted and wanted in had:
            spec["clusterIP"], spec["clusterIPs"] = wanted, [wanted]
            return
        if wanted:
            self._check_range(asked, new, wanted)
            if not await self._take(new, wanted, asked.dry_run):
                raise _refused(new, wanted, "provided IP is already allocated")
        else:
            wanted = await self._pick(new, asked.dry_run)
        if not asked.dry_run:
            reservation._taken_ips.append(wanted)
        spec["clusterIP"], spec["clusterIPs"] = wanted, [wanted]

    def _check_range(self, asked: Asked, new: Json, wanted: str) -> None:
        if ipaddress.ip_address(wanted) not in self._network:
            raise _refused(
                new,
                wanted,
                f"the provided IP ({wanted}) is not in the valid range. "
                f"The range of valid IPs is {self.service_cidr}",
            )

    async def _pick(self, new: Json, dry_run: bool) -> str:
        """Any free address; random first, since ranges are mostly empty."""
        chance: random.Random = self.world.chance
        size = self._network.num_addresses
        tried = [chance.randrange(1, size - 1) for _ in range(_ATTEMPTS)]
        for offset in (*tried, *range(1, size - 1)):
            ip = str(self._network[offset])
            if self.storage.store.get(IP_ADDRESSES + ip) is None and await self._take(
                new, ip, dry_run
            ):
                return ip
        raise InternalError("failed to allocate a serviceIP: range is full")

    async def _take(self, service: Json, ip: str, dry_run: bool) -> bool:
        """Create the IPAddress object; False when somebody has it."""
        if dry_run:
            return self.storage.store.get(IP_ADDRESSES + ip) is None
        metadata = service["metadata"]
        obj = ip_address(ip, metadata.get("namespace", ""), metadata["name"], self.world)
        tail = codec.stored_tail(obj)
        try:
            await self.storage.store.put(
                IP_ADDRESSES + ip, lambda revision: codec.stored(tail, revision), expect=0
            )
        except KeyConflict:
            return False
        return True

    def _reserve_ports(self, reservation: Reservation, asked: Asked, new: Json, old: Json) -> None:
        had = _node_ports(old)
        owner = f"{asked.namespace}/{new['metadata']['name']}"
        spec = new["spec"]
        taken: dict[str, int] = {}  # one number serves all protocols of a port name
        if spec.get("type") in ("NodePort", "LoadBalancer"):
            for index, port in enumerate(spec.get("ports", ())):
                protocol = port.get("protocol", "TCP")
                number = port.get("nodePort") or 0
                if number and (protocol, number) in had:
                    continue
                # Upstream looks at the range where it allocates: not in a dry run.
                why = "" if not number or number in NODE_PORTS or asked.dry_run else _OUT_OF_RANGE
                if number and self.ports.get((protocol, number), owner) != owner:
                    why = "provided port is already allocated"
                if why:
                    cause = invalid(f"spec.ports[{index}].nodePort", number, why)
                    raise refuse("Service", "", new["metadata"]["name"], [cause])
                if not number:
                    number = port["nodePort"] = self._pick_port(protocol)
                taken[protocol] = number
                self.ports[protocol, number] = owner
                reservation._taken_ports.append((protocol, number))
        kept = _node_ports(new)
        reservation._freed_ports += [key for key in had if key not in kept]

    def _pick_port(self, protocol: str) -> int:
        chance = self.world.chance
        start = chance.randrange(len(NODE_PORTS))
        for offset in range(len(NODE_PORTS)):
            number = NODE_PORTS[(start + offset) % len(NODE_PORTS)]
            if (protocol, number) not in self.ports:
                return number
        raise InternalError("failed to allocate a nodePort: range is full")

    def _load(self) -> None:
        if not self._loaded:
            self._loaded = True
            for stored, service in self.storage.every("services/"):
                for key in _node_ports(service):
                    self.ports[key] = stored.key.removeprefix("services/")


def ip_address(ip: str, namespace: str, service: str, world: World) -> Json:
    """The IPAddress object that says which Service has a cluster IP."""
    return {
        "metadata": {
            "name": ip,
            "uid": world.uid(),
            "creationTimestamp": timestamp(world.now()),
            "labels": {
                "ipaddress.kubernetes.io/ip-family": "IPv4",
                MANAGED_BY: ALLOCATOR,
            },
        },
        "spec": {
            "parentRef": {
                "name": service,
                "namespace": namespace,
                "resource": "services",
            }
        },
    }


def _cluster_ips(service: Json) -> list[str]:
    found = (service.get("spec") or {}).get("clusterIPs") or ()
    return [ip for ip in found if ip and ip != "None"]


def _node_ports(service: Json) -> list[tuple[str, int]]:
    ports = (service.get("spec") or {}).get("ports") or ()
    return [
        (port.get("protocol", "TCP"), port["nodePort"]) for port in ports if port.get("nodePort")
    ]


def _refused(service: Json, ip: str, why: str) -> Exception:
    cause = invalid("spec.clusterIPs", [ip], f"failed to allocate IP {ip}: {why}")
    return refuse("Service", "", service["metadata"]["name"], [cause])
