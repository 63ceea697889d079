"""Which address of a node's range belongs to which pod: never one address to two pods.

Addresses are given in turn, as CNI's host-local plugin does, so that one that was let go rests as
long as possible. The network's own address, the gateway (the first) and the broadcast address
are never given.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence


class Exhausted(Exception):
    """Every address of the range is taken."""


class LastAddresses:
    """How far each node has come in giving addresses: what a kubelet that starts again finds.

    As host-local's file `last_reserved_ip`. Who has which address is not kept: the pods say so,
    but those of which a kubelet does not know yet would be given away without this.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, tuple[str, ...]], PodAddresses] = {}

    def open(self, node: str, cidrs: tuple[str, ...]) -> PodAddresses:
        """The addresses of a node, all of them free. Raises ValueError for a range that is none."""
        found = PodAddresses(cidrs, self._known.get((node, cidrs)))
        self._known[node, cidrs] = found
        return found


class PodAddresses:
    """The addresses of one node's pods, one of each range (each IP family) per pod."""

    def __init__(self, cidrs: Sequence[str], before: PodAddresses | None = None) -> None:
        """Goes on where the node's addresses before have come to.

        Raises ValueError for a range that is none.
        """
        self.cidrs = tuple(cidrs)
        self._ranges = [_Range(cidr) for cidr in cidrs]
        for new, old in zip(self._ranges, before._ranges if before else (), strict=False):
            new.next = old.next

    def take(self, pod_uid: str) -> tuple[str, ...]:
        """The pod's addresses, the same as before if it has some. Raises Exhausted."""
        if any(one.full and pod_uid not in one.held for one in self._ranges):
            raise Exhausted(f"no IP addresses available in range set: {', '.join(self.cidrs)}")
        return tuple(one.take(pod_uid) for one in self._ranges)

    def reserve(self, pod_uid: str, addresses: Sequence[str]) -> bool:
        """Give the pod the addresses that it had; False, and nothing done, if that cannot be."""
        if len(addresses) != len(self._ranges):
            return False
        pairs = list(zip(self._ranges, addresses, strict=True))
        if not all(one.can_reserve(pod_uid, address) for one, address in pairs):
            return False
        for one, address in pairs:
            one.reserve(pod_uid, address)
        return True

    def release(self, pod_uid: str) -> None:
        """The pod's addresses are free again. Safe for a pod that has none."""
        for one in self._ranges:
            one.release(pod_uid)


class _Range:
    def __init__(self, cidr: str) -> None:
        network = ipaddress.ip_network(cidr, strict=False)
        self._network = network
        self._address = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
        self._first = int(network.network_address) + 2
        self._last = int(network.broadcast_address) - 1
        self.next = self._first
        self.held: dict[str, int] = {}
        self._taken: set[int] = set()

    @property
    def full(self) -> bool:
        return len(self._taken) > self._last - self._first

    def take(self, pod_uid: str) -> str:
        number = self.held.get(pod_uid)
        if number is None:
            while self.next in self._taken:
                self._advance()
            number = self.next
            self._advance()
            self._hold(pod_uid, number)
        return str(self._address(number))

    def can_reserve(self, pod_uid: str, address: str) -> bool:
        try:
            number = int(self._address(address))
        except ValueError:
            return False
        if pod_uid in self.held:
            return self.held[pod_uid] == number
        return self._first <= number <= self._last and number not in self._taken

    def reserve(self, pod_uid: str, address: str) -> None:
        self._hold(pod_uid, int(self._address(address)))

    def release(self, pod_uid: str) -> None:
        number = self.held.pop(pod_uid, None)
        if number is not None:
            self._taken.discard(number)

    def _hold(self, pod_uid: str, number: int) -> None:
        self.held[pod_uid] = number
        self._taken.add(number)

    def _advance(self) -> None:
        self.next = self._first if self.next >= self._last else self.next + 1
