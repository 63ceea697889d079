"""Addresses of nodes: each keeps its own, and no two nodes of a cluster have one in common."""

from __future__ import annotations

from collections.abc import Iterable

from k8slite.kinds.core.models import Node
from k8slite.kubelet.node import NodeShape, default_address


class NodeAddresses:
    """Who has which; the addresses of nodes outside the fleet are only told, and kept free."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self._own: dict[str, str] = {}  # by node
        self._next = 0

    def seen(self, nodes: Iterable[Node]) -> None:
        """Nodes that there are: nobody else gets their addresses."""
        for node in nodes:
            self.taken.update(one.address for one in node.status.addresses)

    def of(self, shape: NodeShape, known: Node | None) -> str:
        """A node's: what its shape says, what the API knows of it, what it had, or a free one."""
        address = shape.address or self._own.get(shape.name, "")
        for one in known.status.addresses if known and not shape.address else ():
            if one.type == "InternalIP":
                address = one.address
        address = address or self._free()
        self._own[shape.name] = address
        self.taken.add(address)
        return address

    def _free(self) -> str:
        while True:
            address = default_address(self._next)
            self._next += 1
            if address not in self.taken:
                return address
