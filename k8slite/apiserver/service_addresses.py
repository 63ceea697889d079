"""Cluster IPs: each out of a ready ServiceCIDR, and reserved for one Service.

A cluster IP is reserved by creating its IPAddress object, expected absent, before the Service is
written, so the store itself refuses a second owner. Upstream: `pkg/registry/core/service/
ipallocator`, MetaAllocator over one Allocator for each range; in a dry run nothing is looked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.storage import Storage
from k8slite.kinds.networking.service_ranges import (
    ALLOCATOR,
    FAMILY,
    MANAGED_BY,
    addresses_in_turn,
    family_of,
    holds_address,
)
from k8slite.objects import codec
from k8slite.objects.errors import InternalError
from k8slite.objects.fields import invalid, refuse
from k8slite.objects.meta import find_condition, timestamp
from k8slite.store.store import KeyConflict
from k8slite.world import World

Json = dict[str, Any]

IP_ADDRESSES: Final = "networking.k8s.io.ipaddresses/"
SERVICE_CIDRS: Final = "networking.k8s.io.servicecidrs/"


@frozen
class ServiceAddresses:
    """Hands out the addresses of one family."""

    storage: Storage
    world: World
    own: str  # the cluster's own range, which counts where there are no ServiceCIDRs yet
    version: int = 4

    async def take(self, service: Json, ip: str, dry_run: bool) -> None:
        """Reserve the address that a Service names. Raises Invalid."""
        ranges = list(self._ready())
        if dry_run:
            self._check_dry(service, ip, ranges)
        elif not holds_address(ranges, ip):
            raise _refused(service, ip, "the provided network does not match the current range")
        elif not await self._reserve(service, ip):
            raise _refused(service, ip, "provided IP is already allocated")

    async def pick(self, service: Json, dry_run: bool) -> str:
        """Reserve any free address. Raises InternalError where there is none."""
        ranges = list(self._ready())
        if dry_run and ranges:
            return str(ip_network(ranges[0]).network_address)
        self.world.chance.shuffle(ranges)  # as good as the order of upstream's map
        for cidr in ranges:
            for ip in addresses_in_turn(cidr, self.world.chance):
                taken = self.storage.store.get(IP_ADDRESSES + ip) is not None
                if not taken and await self._reserve(service, ip):
                    return ip
        raise InternalError.of("failed to allocate a serviceIP: range is full")

    async def free(self, ip: str) -> None:
        """Remove the IPAddress object of a cluster IP, if it is there."""
        try:
            await self.storage.store.put(IP_ADDRESSES + ip, None, expect=None)
        except KeyConflict:
            return  # it was not there: nothing is left to do

    def _ready(self) -> Iterator[str]:
        """The ranges from which addresses may come now."""
        if self.storage.kinds.find("networking.k8s.io", "v1", "servicecidrs") is None:
            yield self.own
            return
        found: dict[str, bool] = {}  # several ServiceCIDRs may have the same range
        for _, one in self.storage.every(SERVICE_CIDRS):
            if _is_ready(one):
                found |= dict.fromkeys(one["spec"].get("cidrs") or (), True)
        yield from (cidr for cidr in found if ip_network(cidr).version == self.version)

    def _check_dry(self, service: Json, ip: str, ranges: list[str]) -> None:
        """Upstream asks one range, whichever it is; here it is one that has the address."""
        if not holds_address(ranges, ip):
            shown = ranges[0] if ranges else self.own
            why = f"the provided IP ({ip}) is not in the valid range. "
            raise _refused(service, ip, f"{why}The range of valid IPs is {shown}")

    async def _reserve(self, service: Json, ip: str) -> bool:
        """Create the IPAddress object; False when somebody has it."""
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


def ip_address(ip: str, namespace: str, service: str, world: World) -> Json:
    """The IPAddress object that says which Service has a cluster IP."""
    return {
        "metadata": {
            "name": ip,
            "uid": world.uid(),
            "creationTimestamp": timestamp(world.now()),
            "labels": {
                FAMILY: family_of(ip),
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


def _is_ready(service_cidr: Json) -> bool:
    """Whether it gives addresses; one of which nothing is said does, for want of a controller."""
    if service_cidr["metadata"].get("deletionTimestamp"):
        return False
    conditions = (service_cidr.get("status") or {}).get("conditions") or ()
    found = find_condition(conditions, "Ready")
    return found is None or found.get("status") == "True"


def _refused(service: Json, ip: str, why: str) -> Exception:
    shown = service["spec"].get("clusterIPs") or [ip]
    cause = invalid("spec.clusterIPs", shown, f"failed to allocate IP {ip}: {why}")
    return refuse("Service", "", service["metadata"]["name"], [cause])
