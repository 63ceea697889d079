"""What devices share: counters of a pool that its partitions consume, capacity of one device.

Upstream: `dynamic-resource-allocation/structured/internal`: `checkAvailableCounters`,
`consumable_capacity.go`. A partition can be had as long as every counter that it consumes has as
much left. A device that allows multiple allocations goes to as many as its capacity lasts for; how
much each of them takes follows from its request and the rules of the capacity.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field

from k8slite.kinds.resource.models import Device
from k8slite.objects.quantity import BINARY, canonical, nano, of_whole, whole
from k8slite.scheduler.devices.pools import DeviceId, Pool, PooledDevice


@define(eq=False)
class Counters:
    """What is left of the counters that pools' devices share, while devices are chosen."""

    pools: Sequence[Pool]
    in_use: Callable[[DeviceId], bool]
    # By driver and pool, then counter set and counter: billionths; made when first asked for.
    _left: dict[tuple[str, str], dict[tuple[str, str], int]] = field(factory=dict)

    def take(self, device: PooledDevice) -> bool:
        """Count a device as consumed, if there is enough left."""
        left, wanted = self._of_pool(device), list(_consumed(device.device))
        # One that is not there is none of this device's: validation sees to it.
        known = [(counter, amount) for counter, amount in wanted if counter in left]
        if any(left[counter] < amount for counter, amount in known):
            return False
        for counter, amount in known:
            left[counter] -= amount
        return True

    def give_back(self, device: PooledDevice) -> None:
        """Undo what `take` did."""
        left = self._of_pool(device)
        for counter, amount in _consumed(device.device):
            if counter in left:
                left[counter] += amount

    def _of_pool(self, device: PooledDevice) -> dict[tuple[str, str], int]:
        key = device.id.driver, device.id.pool
        found = self._left.get(key)
        if found is None:
            pool = next(one for one in self.pools if (one.driver, one.name) == key)
            found = self._left[key] = dict(pool.counters)
            for one in pool.devices:
                if self.in_use(one.id):
                    for counter, amount in _consumed(one.device):
                        if counter in found:
                            found[counter] -= amount  # below nothing is nothing, too
        return found


def consumption(requests: Mapping[str, str], device: PooledDevice) -> dict[str, str] | None:
    """How much of each capacity a request takes of a device; None where that cannot be.

    Without a request for it, what its rules take for granted, or else all of it.
    """
    capacity, driver = device.device.capacity, device.id.driver
    asked: dict[str, str] = {}
    for name, amount in requests.items():
        known = next((one for one in _spellings(name, driver) if one in capacity), None)
        if known is None:
            return None
        asked[known] = amount
    found: dict[str, str] = {}
    for name, said in capacity.items():
        policy: Mapping[str, Any] = said.get("requestPolicy") or {}
        amount = _rounded(asked.get(name), str(said.get("value", "0")), policy)
        if _violates(amount, policy):
            return None
        found[name] = canonical(amount)
    return found


def amounts_of(consumed: Mapping[str, str]) -> dict[str, int]:
    """In billionths."""
    return {name: nano(amount) for name, amount in consumed.items()}


def fits(wanted: Mapping[str, str], device: PooledDevice, *others: Mapping[str, int]) -> bool:
    """Whether a device has that much left beside what others take of it."""
    return all(
        nano(amount) + sum(one.get(name, 0) for one in others)
        <= nano(str(device.device.capacity[name].get("value", "0")))
        for name, amount in wanted.items()
    )


def _spellings(name: str, driver: str) -> Collection[str]:
    """A capacity's names: the driver's domain may be left out."""
    prefix = f"{driver}/"
    return name, (name.removeprefix(prefix) if name.startswith(prefix) else f"{prefix}{name}")


def _rounded(asked: str | None, total: str, policy: Mapping[str, Any]) -> str:
    if asked is None:
        return str(policy.get("default", total))
    bounds = policy.get("validRange") or {}
    if bounds.get("min") is not None:
        return _in_range(asked, bounds)
    larger = [one for one in policy.get("validValues") or () if nano(one) >= nano(asked)]
    return str(larger[0]) if larger else asked


def _in_range(asked: str, bounds: Mapping[str, Any]) -> str:
    least = str(bounds["min"])
    if nano(asked) < nano(least):
        return least
    if bounds.get("step") is None:
        return asked
    step, first = whole(bounds["step"]), whole(least)
    steps = -(-(whole(asked) - first) // step)
    return of_whole(first + step * steps, BINARY)


def _violates(amount: str, policy: Mapping[str, Any]) -> bool:
    if policy.get("default") is not None and nano(amount) == nano(policy["default"]):
        return False
    bounds = policy.get("validRange")
    if bounds:
        least, most, step = (bounds.get(one) for one in ("min", "max", "step"))
        if least is not None and nano(amount) < nano(least):
            return True
        if most is not None and nano(amount) > nano(most):
            return True
        return step is not None and bool((whole(amount) - whole(least or 0)) % whole(step))
    values = policy.get("validValues") or ()
    return bool(values) and all(nano(one) != nano(amount) for one in values)


def _consumed(device: Device) -> Iterator[tuple[tuple[str, str], int]]:
    for one in device.consumes_counters:
        for name, counter in (one.get("counters") or {}).items():
            yield (one.get("counterSet", ""), name), nano(counter["value"])
