"""Who has which device, what was just given included.

A device belongs to the claim whose status says so. What the scheduler has given counts from the
moment of its decision; when it is written, the claim counts as the answer showed it until the
mirror has caught up (upstream: `allocateddevices.go`, the assume cache of claims). With admin
access a device is used, not had. Of a device that allows multiple allocations a claim has a share.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import define, field, frozen

from k8slite.kinds.resource.models import Allocation, ResourceClaim
from k8slite.objects.quantity import nano
from k8slite.objects.structure import structure
from k8slite.scheduler.devices.pools import DeviceId

Json = dict[str, Any]


@frozen
class Share:
    """A part of a device that others have parts of, too."""

    device: DeviceId
    share: str  # its name
    consumed: tuple[tuple[str, int], ...]  # of each capacity, in billionths


Held = DeviceId | Share


@frozen(eq=False)
class _Given:
    """An allocation that no mirror shows yet; without `written` it is on its way."""

    devices: tuple[Held, ...]
    written: ResourceClaim | None = None


@define(eq=False)
class DevicesInUse:
    """All of them; a container of DeviceIds."""

    _owners: dict[DeviceId, dict[str, None]] = field(factory=dict)  # UIDs of claims
    # By the UID of the claim: what the mirror shows, with its revision; what was given.
    _shown: dict[str, tuple[int, tuple[Held, ...]]] = field(factory=dict)
    _given: dict[str, _Given] = field(factory=dict)
    _counted: dict[str, tuple[Held, ...]] = field(factory=dict)  # of both
    _shares: dict[DeviceId, dict[Share, None]] = field(factory=dict)

    def __contains__(self, device: object) -> bool:
        return device in self._owners

    def __iter__(self) -> Iterator[DeviceId]:
        return iter(self._owners)

    def __len__(self) -> int:
        return len(self._owners)

    def consumed(self, device: DeviceId) -> dict[str, int]:
        """How much of a device's capacities claims have, in billionths."""
        found: dict[str, int] = {}
        for share in self._shares.get(device, ()):
            for name, amount in share.consumed:
                found[name] = found.get(name, 0) + amount
        return found

    def is_shared(self, device: DeviceId) -> bool:
        """Whether claims have shares of it."""
        return device in self._shares

    def put(self, old: ResourceClaim | None, new: ResourceClaim | None) -> None:
        """The mirror shows that a claim came, changed or went."""
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            uid = old.metadata.uid
            self._shown.pop(uid, None)
            self._given.pop(uid, None)
            self._count(uid)
        if new is not None:
            uid, revision = new.metadata.uid, _revision(new)
            self._shown[uid] = revision, held_by(new.status.allocation)
            written = self._written(uid)
            if written is not None and _revision(written) <= revision:
                del self._given[uid]
            self._count(uid)

    def give(self, claim: ResourceClaim, allocation: Json) -> None:
        """A claim is to get devices."""
        devices = held_by(structure(allocation, Allocation))
        self._given[claim.metadata.uid] = _Given(devices)
        self._count(claim.metadata.uid)

    def settle(self, claim: ResourceClaim) -> None:
        """It has got them: this is how the API shows it."""
        uid = claim.metadata.uid
        given, shown = self._given.get(uid), self._shown.get(uid)
        if given is None:
            return
        if shown is None or shown[0] >= _revision(claim):
            self.take_back(uid)  # the mirror knows better already
        else:
            self._given[uid] = _Given(given.devices, claim)

    def take_back(self, uid: str) -> None:
        """What was given to a claim counts no more, beyond what the mirror shows."""
        if self._given.pop(uid, None) is not None:
            self._count(uid)

    def on_its_way(self, uid: str) -> bool:
        """Whether a claim is being given devices."""
        given = self._given.get(uid)
        return given is not None and given.written is None

    def newest(self, claim: ResourceClaim) -> ResourceClaim:
        """A claim as it is known best."""
        return self._written(claim.metadata.uid) or claim

    def _written(self, uid: str) -> ResourceClaim | None:
        given = self._given.get(uid)
        return given.written if given is not None else None

    def _count(self, uid: str) -> None:
        """Bring what counts for a claim up to date."""
        for one in self._counted.pop(uid, ()):
            if isinstance(one, Share):
                shares = self._shares[one.device]
                del shares[one]
                if not shares:
                    del self._shares[one.device]
                continue
            owners = self._owners[one]
            owners.pop(uid, None)
            if not owners:
                del self._owners[one]
        given = self._given.get(uid)
        devices = (*self._shown.get(uid, (0, ()))[1], *(given.devices if given is not None else ()))
        if devices:
            self._counted[uid] = tuple(dict.fromkeys(devices))
        for one in self._counted.get(uid, ()):
            if isinstance(one, Share):
                self._shares.setdefault(one.device, {})[one] = None
            else:
                self._owners.setdefault(one, {})[uid] = None


def held_by(allocation: Allocation | None) -> tuple[Held, ...]:
    """What an allocation keeps from others: devices, and shares of such that are shared."""
    if allocation is None:
        return ()
    found: list[Held] = []
    for one in allocation.devices.results:
        device = DeviceId(one.driver, one.pool, one.device)
        if one.share_id:
            consumed = tuple(
                (name, nano(one.consumed_capacity[name])) for name in sorted(one.consumed_capacity)
            )
            found.append(Share(device, one.share_id, consumed))
        elif not one.admin_access:
            found.append(device)
    return tuple(found)


def _revision(claim: ResourceClaim) -> int:
    return int(claim.metadata.resource_version or 0)
