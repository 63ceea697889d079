"""The search for devices: for each claim, for each of its requests, one device after the other.

The first full solution is taken, as upstream takes it: pools, slices and devices are tried in
their order, the first alternative that can be had is the one. Of devices for one request the order
is of no meaning, so only rising sequences are tried: the first that upstream's search finds is one.

The search keeps its own stack, a generator a level: each makes one choice, says what is to be
chosen next, and takes the choice back when it is asked for another (upstream: `allocateOne`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attrs import define, evolve, field, frozen

from k8slite.kinds.core.models import Node
from k8slite.scheduler.devices.constraints import Constraint
from k8slite.scheduler.devices.demands import BadClaim, ClaimDemands, Demand
from k8slite.scheduler.devices.in_use import DevicesInUse
from k8slite.scheduler.devices.pools import DeviceId, Pool, PooledDevice
from k8slite.scheduler.devices.sharing import Counters, amounts_of, consumption, fits

RESULTS_MOST: Final = 32  # devices of one claim (upstream: `AllocationResultsMaxSize`)
# After so many choices a search is given up: it may take time that grows without bounds with the
# number of devices. Upstream ends it after ten seconds (`DRASchedulerFilterTimeout`).
CHOICES_MOST: Final = 100_000


class TakesTooLong(Exception):
    """The search was given up."""


class UnfitPool(Exception):
    """Nothing was found, and a pool could not be looked at: another node may do."""


@frozen(eq=False)
class Taken:
    """A device for a demand."""

    demand: Demand
    device: PooledDevice
    consumed: Mapping[str, str] | None = None  # of each capacity, where others may have it, too
    counted: bool = False  # what it consumes of its pool's counters


def allocate(
    claims: Sequence[ClaimDemands],
    node: Node,
    pools: Sequence[Pool],
    in_use: DevicesInUse,
) -> list[list[Taken]] | None:
    """Devices for all of some claims that a pod on the node can use; None if there are none.

    Raises BadClaim, TakesTooLong and UnfitPool.
    """
    search = _Search(claims, node, pools, in_use)
    return search.run()


@frozen
class _Place:
    """What is to be chosen: a device, or first which alternative of a request."""

    claim: int = 0
    request: int = 0
    demand: Demand | None = None
    device: int = 0
    after: int = -1  # the device that was taken last for this demand, by its index


@define(eq=False)
class _Search:
    claims: Sequence[ClaimDemands]
    node: Node
    pools: Sequence[Pool]
    in_use: DevicesInUse
    _there: list[PooledDevice] = field(init=False)
    _taken: list[list[Taken]] = field(init=False)
    _constraints: list[list[Constraint]] = field(init=False)
    _by_claim: dict[DeviceId, list[int]] = field(factory=dict)  # who takes a device just now
    _wanted: dict[tuple[int, DeviceId], bool] = field(factory=dict)
    _all: dict[int, list[PooledDevice]] = field(factory=dict)
    _counters: Counters = field(init=False)
    _shared: dict[DeviceId, list[Mapping[str, str]]] = field(factory=dict)  # what is taken of it
    _consumption: dict[tuple[int, DeviceId], dict[str, str] | None] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        usable = (one for one in self.pools if one.complete and one.valid)
        self._there = [device for pool in usable for device in pool.on(self.node)]
        self._taken = [[] for _ in self.claims]
        self._counters = Counters(
            self.pools, lambda device: device in self.in_use or self.in_use.is_shared(device)
        )
        self._constraints = [
            [Constraint(one) for one in claim.claim.spec.devices.constraints]
            for claim in self.claims
        ]

    def run(self) -> list[list[Taken]] | None:
        for claim in self.claims:
            for request in claim.requests:
                for demand in request:
                    if demand.said.allocation_mode == "All":
                        self._all[id(demand)] = self._every(demand)
        stack = [self._ways(_Place())]
        choices = 0
        while stack:
            place = next(stack[-1], None)
            if place is None:
                stack.pop()
                continue
            if place.claim == len(self.claims):
                return self._taken
            choices += 1
            if choices > CHOICES_MOST:
                raise TakesTooLong("timed out trying to allocate devices")
            stack.append(self._ways(place))
        if any(not one.valid and one.on(self.node) for one in self.pools):
            raise UnfitPool("invalid resource pools were encountered")
        return None

    def _ways(self, place: _Place) -> Iterator[_Place]:
        """Make one choice after the other, each taken back before the next."""
        requests = self.claims[place.claim].requests
        if place.request == len(requests):
            yield _Place(place.claim + 1)
        elif place.demand is None:
            for demand in requests[place.request]:
                yield evolve(place, demand=demand)
        else:
            yield from self._devices(place, place.demand)

    def _devices(self, place: _Place, demand: Demand) -> Iterator[_Place]:
        everything = self._all.get(id(demand))
        wanted = demand.said.count if everything is None else len(everything)
        if place.device == wanted and wanted:
            yield _Place(place.claim, place.request + 1)
            return
        if not wanted or len(self._taken[place.claim]) + wanted - place.device > RESULTS_MOST:
            return
        if everything is not None:
            device = everything[place.device]
            if (
                self._is_free(device, demand, place.claim)
                and demand.tolerates(device)
                and self._take(device, demand, place.claim, must=True)
            ):
                yield evolve(place, device=place.device + 1)
                self._give_back(place.claim)
            return
        for i in range(place.after + 1, len(self._there)):
            device = self._there[i]
            if (
                self._is_free(device, demand, place.claim)
                and self._is_wanted(device, demand)
                and demand.tolerates(device)
                and self._take(device, demand, place.claim)
            ):
                yield evolve(place, device=place.device + 1, after=i)
                self._give_back(place.claim)

    def _every(self, demand: Demand) -> list[PooledDevice]:
        """All devices that a demand for all of them means. Raises BadClaim."""
        claim = demand.claim.metadata.full_name
        found = []
        for pool in self.pools:
            there = pool.on(self.node)
            if there and not (pool.complete and pool.valid):
                state = "invalid" if pool.complete else "being updated"
                raise UnfitPool(
                    f"claim {claim}, request {demand.name}: asks for all devices, but resource "
                    f"pool {pool} is currently {state}"
                )
            found += [one for one in there if self._is_wanted(one, demand)]
        return found

    def _is_free(self, device: PooledDevice, demand: Demand, claim: int) -> bool:
        """Whether a device can be had; with admin access those that others have can, too."""
        takers = self._by_claim.get(device.id)
        if demand.said.admin_access:
            return not takers or claim not in takers
        return not takers and device.id not in self.in_use

    def _fits(self, device: PooledDevice, demand: Demand) -> dict[str, str] | None:
        """How much a demand takes of each of a device's capacities; None: there is not as much."""
        key = id(demand), device.id
        if key not in self._consumption:
            asked = demand.said.capacity.get("requests") or {}
            self._consumption[key] = consumption(asked, device)
        wanted = self._consumption[key]
        if wanted is None:
            return None
        taken = [amounts_of(one) for one in self._shared.get(device.id, ())]
        others = self.in_use.consumed(device.id)
        return wanted if fits(wanted, device, others, *taken) else None

    def _is_wanted(self, device: PooledDevice, demand: Demand) -> bool:
        key = id(demand), device.id
        found = self._wanted.get(key)
        if found is None:
            found = self._wanted[key] = demand.selects(device)
        return found

    def _take(
        self, device: PooledDevice, demand: Demand, claim: int, *, must: bool = False
    ) -> bool:
        """Choose a device, if capacity, counters and constraints allow it.

        Raises BadClaim for constraints that a device does not meet which `must` be had.
        """
        shared = device.device.allow_multiple_allocations
        consumed = self._fits(device, demand)
        if consumed is None:
            return False
        known = shared and (device.id in self._shared or self.in_use.is_shared(device.id))
        counted = bool(device.device.consumes_counters) and not known
        if counted and not self._counters.take(device):
            return False
        if not self._bind(device, demand, claim):
            if counted:
                self._counters.give_back(device)
            if must:
                raise BadClaim(
                    f"claim {demand.claim.metadata.full_name}, request {demand.name}: cannot "
                    f"add device {device.id} because a claim constraint would not be satisfied"
                )
            return False
        if shared:
            self._shared.setdefault(device.id, []).append(consumed)
        else:
            self._by_claim.setdefault(device.id, []).append(claim)
        self._taken[claim].append(Taken(demand, device, consumed if shared else None, counted))
        return True

    def _bind(self, device: PooledDevice, demand: Demand, claim: int) -> bool:
        """Count a device for the constraints of its claim, if they allow it."""
        for i, constraint in enumerate(self._constraints[claim]):
            if not constraint.take(demand.names, device):
                for one in self._constraints[claim][:i]:
                    one.give_back(demand.names)
                return False
        return True

    def _give_back(self, claim: int) -> None:
        taken = self._taken[claim].pop()
        device = taken.device
        if taken.consumed is None:
            self._by_claim[device.id].remove(claim)
        else:
            shares = self._shared[device.id]
            shares.pop()
            if not shares:
                del self._shared[device.id]
        if taken.counted:
            self._counters.give_back(device)
        for one in self._constraints[claim]:
            one.give_back(taken.demand.names)
