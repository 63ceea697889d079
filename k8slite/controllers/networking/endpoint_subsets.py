"""The subsets of an Endpoints object: which addresses offer which ports, in a canonical form.

Pure. An address that offers several ports shows in one subset with all of them, so the subsets are
as few as can be. Upstream: `pkg/api/v1/endpoints` (RepackSubsets), but for the order, which there
follows from a hash of Go structures, and here from the ports.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from attrs import frozen

Json = dict[str, Any]

CAPACITY: Final = 1000  # addresses in one Endpoints object (upstream's maxCapacity)


@frozen
class Offer:
    """An address that offers a port, or none at all (a headless Service without ports)."""

    address: Json
    port: Json | None
    ready: bool


def repack(offers: Iterable[Offer]) -> list[Json]:
    """The fewest subsets that say the same. An address that is not ready once is not ready."""
    addresses: dict[_Address, Json] = {}
    by_port: dict[_Port, dict[_Address, bool]] = {}
    ports: dict[_Port, Json] = {}
    for offer in offers:
        address = _address_key(offer.address)
        addresses.setdefault(address, offer.address)
        port = _port_key(offer.port)
        if offer.port is not None:
            ports[port] = offer.port
        ready = by_port.setdefault(port, {})
        ready[address] = ready.get(address, True) and offer.ready
    groups: dict[tuple[tuple[_Address, bool], ...], list[_Port]] = {}
    for port, ready in by_port.items():
        groups.setdefault(tuple(sorted(ready.items())), []).append(port)
    subsets = []
    for group, group_ports in sorted(groups.items(), key=lambda pair: min(pair[1])):
        subset: Json = {}
        if any(ready for _, ready in group):
            subset["addresses"] = [addresses[key] for key, ready in group if ready]
        if not all(ready for _, ready in group):
            subset["notReadyAddresses"] = [addresses[key] for key, ready in group if not ready]
        named = [ports[port] for port in sorted(group_ports) if port in ports]
        if named:
            subset["ports"] = named
        subsets.append(subset)
    return subsets


def count(subsets: Iterable[Json]) -> int:
    """How many addresses there are in all subsets."""
    return sum(
        len(subset.get("addresses", ())) + len(subset.get("notReadyAddresses", ()))
        for subset in subsets
    )


def truncate(subsets: list[Json], capacity: int = CAPACITY) -> tuple[list[Json], bool]:
    """At most `capacity` addresses, ready ones first, each subset in its proportion.

    The second value says whether any was left out (the annotation over-capacity=truncated).
    """
    ready = sum(len(subset.get("addresses", ())) for subset in subsets)
    total = count(subsets)
    if total <= capacity:
        return subsets, False
    only_ready = ready > capacity
    shared = "addresses" if only_ready else "notReadyAddresses"
    most = capacity if only_ready else capacity - ready
    of_all = ready if only_ready else total - ready
    left = most
    shortened = []
    for subset in subsets:
        there = subset.get(shared, [])
        share = min(math.ceil(len(there) * most / of_all), left)
        left -= min(share, len(there))
        kept = {key: value for key, value in subset.items() if key == "ports"}
        if not only_ready and "addresses" in subset:
            kept["addresses"] = subset["addresses"]
        if there[:share]:
            kept[shared] = there[:share]
        if "addresses" in kept or "notReadyAddresses" in kept:
            shortened.append(kept)
    return shortened, True


_Address = tuple[str, str]
_Port = tuple[str, int, str, str]


def _address_key(address: Json) -> _Address:
    """Two pods may have one address: those of the host's network."""
    return (address["ip"], (address.get("targetRef") or {}).get("uid", ""))


def _port_key(port: Json | None) -> _Port:
    if port is None:
        return ("", 0, "", "")
    return (port.get("name", ""), port["port"], port["protocol"], port.get("appProtocol") or "")
