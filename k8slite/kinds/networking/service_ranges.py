"""Which ranges of Services' addresses lie in which, and which addresses in them; pure.

Upstream: `pkg/api/servicecidr`.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

# What marks the addresses that the API server has reserved for Services.
MANAGED_BY: Final = "ipaddress.kubernetes.io/managed-by"
ALLOCATOR: Final = "ipallocator.k8s.io"
FINALIZER: Final = "networking.k8s.io/service-cidr-finalizer"


def overlap(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether an address is in one of these ranges and in one of those."""
    networks = [ip_network(one, strict=False) for one in others]
    return any(
        network.version == other.version and network.overlaps(other)
        for network in (ip_network(one, strict=False) for one in some)
        for other in networks
    )


def holds_range(ranges: Iterable[str], cidr: str) -> bool:
    """Whether one of the ranges is as large as `cidr` or larger, and all of it lies in that one."""
    return any(
        ip_network(one, strict=False).prefixlen <= ip_network(cidr, strict=False).prefixlen
        for one in ranges
        if overlap((one,), (cidr,))
    )


def holds_address(ranges: Iterable[str], name: str) -> bool:
    """Whether a Service may have that address from one of the ranges.

    No Service has a range's first address, nor the last one of IPv4.
    """
    address = ip_address(name)
    return any(_holds(one, address) for one in ranges)


def _holds(cidr: str, address: IPv4Address | IPv6Address) -> bool:
    network = ip_network(cidr, strict=False)
    if address not in network or address == network.network_address:
        return False
    return network.version == 6 or address != network.broadcast_address
