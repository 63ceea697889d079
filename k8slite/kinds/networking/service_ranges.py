"""Which ranges of Services' addresses lie in which, and which addresses in them; pure.

Upstream: `pkg/api/servicecidr`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

# What marks the addresses that the API server has reserved for Services.
MANAGED_BY: Final = "ipaddress.kubernetes.io/managed-by"
FAMILY: Final = "ipaddress.kubernetes.io/ip-family"
ALLOCATOR: Final = "ipallocator.k8s.io"
_LOWER_LEAST: Final = 16
_LOWER_MOST: Final = 256
FINALIZER: Final = "networking.k8s.io/service-cidr-finalizer"


def family_of(ip: str) -> str:
    """The family of an address, as Services name it. Raises ValueError where it is none."""
    return f"IPv{ip_address(ip).version}"


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
    """Whether a Service may have that address from one of the ranges."""
    address = ip_address(name)
    return any(_holds(one, address) for one in ranges)


def numbers_of(cidr: str) -> range:
    """The addresses of a range that Services may have, as numbers; there may be none.

    No Service has a range's first address, nor the last one of IPv4.
    """
    network = ip_network(cidr, strict=False)
    return range(int(network[0]) + 1, int(network[-1]) + (network.version == 6))


def addresses_in_turn(cidr: str, chance: random.Random) -> Iterator[str]:
    """All addresses that Services may have, in the order in which a free one is looked for.

    From anywhere in the upper part on, then in the lower one, which is as small as a sixteenth
    (16 to 256 addresses) and thus left to those who ask for a certain address (KEP-3070).
    """
    network = ip_network(cidr, strict=False)
    kind = type(network.network_address)
    size = network.num_addresses
    lower = 0 if size <= _LOWER_LEAST else min(max(size // 16, _LOWER_LEAST), _LOWER_MOST)
    numbers = numbers_of(cidr)
    for part in (numbers[lower:], numbers[:lower]):
        if part:
            offset = chance.randrange(part.start, part.stop) - part.start
            for rest in (part[offset:], part[:offset]):
                for number in rest:
                    yield str(kind(number))


def _holds(cidr: str, address: IPv4Address | IPv6Address) -> bool:
    version = ip_network(cidr, strict=False).version
    return address.version == version and int(address) in numbers_of(cidr)
