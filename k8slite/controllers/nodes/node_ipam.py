"""Every node has a range of pod addresses of its own (spec.podCIDR), cut out of the cluster's.

No two nodes ever have the same: what nodes have is taken before anything is given, and a range is
free again only when its node has gone. Upstream: `pkg/controller/nodeipam/ipam` (range_allocator).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, ClassVar, Final

import trio

from k8slite.client.informer import unheard
from k8slite.client.recorder import Recorder, Reference
from k8slite.client.resource import NODES
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.core.models import Node
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name
from k8slite.objects.structure import structure

Json = dict[str, Any]

# Room for 16,384 nodes of /24, beside the usual network of Services (10.96.0.0/12). The first nodes
# get what those of most clusters have, ranges of 10.244.0.0/16.
CLUSTER_CIDR: Final = "10.192.0.0/10"
FIRST_ADDRESS: Final = "10.244.0.0"
NODE_MASK_BITS: Final = 24  # --node-cidr-mask-size
NODE_MASK_BITS_V6: Final = 64  # --node-cidr-mask-size-ipv6


class NoRangeLeft(Exception):
    """All ranges are taken."""


class CidrSet:
    """The ranges of one size in a network; pure."""

    def __init__(self, cluster_cidr: str, mask_bits: int) -> None:
        """Raises ValueError when the network is no network, or smaller than a range."""
        self.network: IPv4Network | IPv6Network = ip_network(cluster_cidr)
        if mask_bits < self.network.prefixlen or mask_bits > self.network.max_prefixlen:
            raise ValueError(f"{cluster_cidr} has no ranges of {mask_bits} bits")
        self.mask_bits = mask_bits
        self.size = 1 << (mask_bits - self.network.prefixlen)
        self._range_size = 1 << (self.network.max_prefixlen - mask_bits)
        # How many nodes have each range: those that somebody else gave out may have it twice.
        self._taken: dict[int, int] = {}
        first = ip_address(FIRST_ADDRESS)
        self._next = self._indexes(FIRST_ADDRESS)[0] if first in self.network else 0

    def __len__(self) -> int:
        """How many ranges are taken."""
        return len(self._taken)

    def take(self) -> str:
        """A range that is free, those after the last one first. Raises NoRangeLeft."""
        if len(self._taken) >= self.size:
            raise NoRangeLeft(str(self.network))
        while self._next in self._taken:
            self._next = (self._next + 1) % self.size
        found = self._next
        self._taken[found] = 1
        self._next = (found + 1) % self.size
        first = self.network.network_address + found * self._range_size
        return f"{first}/{self.mask_bits}"

    def occupy(self, cidr: str) -> None:
        """A range, of whatever size, is in use; what lies outside the network does not matter."""
        for index in self._indexes(cidr):
            self._taken[index] = self._taken.get(index, 0) + 1

    def release(self, cidr: str) -> None:
        """A range that was taken or occupied is in use no more, as far as that one goes."""
        for index in self._indexes(cidr):
            count = self._taken.pop(index, 0) - 1
            if count > 0:
                self._taken[index] = count

    def _indexes(self, cidr: str) -> range:
        used = ip_network(cidr, strict=False)
        if used.version != self.network.version:
            return range(0)
        start = int(self.network.network_address)
        first = (int(used.network_address) - start) // self._range_size
        last = (int(used.broadcast_address) - start) // self._range_size
        return range(max(first, 0), min(last, self.size - 1) + 1)


class NodeIpamController(Controller):
    """Gives each node a range out of each cluster network (one, or one of each family)."""

    name: ClassVar[str] = "node-ipam-controller"

    def __init__(
        self,
        context: Context,
        cluster_cidrs: Sequence[str] = (CLUSTER_CIDR,),
        mask_bits: Sequence[int] = (),
    ) -> None:
        """`mask_bits` are the ranges' prefix lengths, one for each network.

        Raises ValueError for networks that have no such ranges.
        """
        super().__init__(context)
        client = context.handler_client(self.name)
        self.recorder = Recorder(client, context.world, "cidrAllocator")
        bits = mask_bits or [
            NODE_MASK_BITS if ip_network(cidr).version == 4 else NODE_MASK_BITS_V6
            for cidr in cluster_cidrs
        ]
        self._sets = [CidrSet(cidr, one) for cidr, one in zip(cluster_cidrs, bits, strict=True)]
        self._given: dict[str, tuple[str, ...]] = {}  # by the node's UID
        self._nodes = self.mirrors.of(NODES, Node)
        self.watch(self._nodes, self._of_node, beat=unheard)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Learn what every node has, then give."""
        await self._nodes.synced()
        # The mirror may have been listed from a copy that lags behind, without the latest ranges.
        found = await self.client.list(NODES)
        for item in found.get("items") or ():
            node = structure(item, Node)
            if _cidrs(node):
                self._set(node.metadata.uid, _cidrs(node))
        await super().run(task_status=task_status)

    async def reconcile(self, name: Name) -> None:
        """Give a node its ranges, if it has none."""
        node = self._nodes.get(name)
        if node is None or _cidrs(node):
            return
        uid = node.metadata.uid
        cidrs = self._given.get(uid)
        if cidrs is None:
            try:
                cidrs = self._given[uid] = self._take()
            except NoRangeLeft:
                message = f"Node {name.name} status is now: CIDRNotAvailable"
                regarding = Reference("v1", "Node", node.metadata)
                self.recorder.event(regarding, "Normal", "CIDRNotAvailable", message)
                raise
        patch = {
            "metadata": {"uid": uid},
            "spec": {"podCIDR": cidrs[0], "podCIDRs": list(cidrs)},
        }
        try:
            live = structure(await self.client.get(NODES, name.name), Node)
            if live.metadata.uid == uid and not _cidrs(live):
                await self.client.patch(NODES, name.name, patch)
        except NotFound:
            return  # the mirror will tell, and what was taken for it is free again then

    def _take(self) -> tuple[str, ...]:
        taken: list[tuple[CidrSet, str]] = []
        try:
            for one in self._sets:
                taken.append((one, one.take()))
        except NoRangeLeft:
            for one, cidr in taken:
                one.release(cidr)
            raise
        return tuple(cidr for _, cidr in taken)

    def _of_node(self, old: Node | None, new: Node | None) -> Iterable[Name]:
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            self._set(old.metadata.uid, ())
        if new is None:
            # What one node gives back, another may be waiting for.
            return [one.metadata.full_name for one in self._waiting()]
        if _cidrs(new):
            self._set(new.metadata.uid, _cidrs(new))
        return (new.metadata.full_name,)

    def _waiting(self) -> list[Node]:
        if all(len(one) < one.size - 1 for one in self._sets):
            return []
        return [node for node in self._nodes.all() if not _cidrs(node)]

    def _set(self, uid: str, cidrs: tuple[str, ...]) -> None:
        """Note what a node has; what it had before is free."""
        before = self._given.get(uid, ())
        if before == cidrs:
            return
        self._given[uid] = cidrs
        if not cidrs:
            del self._given[uid]
        for one in self._sets:
            for cidr in before:
                one.release(cidr)
            for cidr in cidrs:
                one.occupy(cidr)


def _cidrs(node: Node) -> tuple[str, ...]:
    if node.spec.pod_cidrs:
        return node.spec.pod_cidrs
    return (node.spec.pod_cidr,) if node.spec.pod_cidr else ()
