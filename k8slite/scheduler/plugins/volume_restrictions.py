"""A claim that only one pod may use is used by one pod; a disk is not mounted twice on a node
unless all only read it (upstream: VolumeRestrictions)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

from attrs import define

from k8slite.client.resource import PERSISTENT_VOLUME_CLAIMS
from k8slite.kinds.core.pod_volumes import AwsDisk, GceDisk, IscsiDisk, RbdDisk
from k8slite.kinds.core.volume_matching import claims_of
from k8slite.scheduler.plugin import SKIP, Event, FilterPlugin, PreFilterResult, Status
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo
from k8slite.scheduler.volumes import volume_may_help

Disk = GceDisk | AwsDisk | IscsiDisk | RbdDisk


class VolumeRestrictions(FilterPlugin):
    """Looks at claims with the access mode ReadWriteOncePod, and at disks that pods name."""

    name = "VolumeRestrictions"

    def helped_by(self, pod: PodInfo, event: Event) -> bool:
        return event.resource is PERSISTENT_VOLUME_CLAIMS and volume_may_help(pod, event)

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        namespace = pod.name.namespace
        exclusive = frozenset(
            name
            for name in claims_of(pod.pod)
            if (claim := self.setting.view.get(PERSISTENT_VOLUME_CLAIMS, name, namespace))
            and "ReadWriteOncePod" in claim.spec.access_modes
        )
        disks = _disks(pod)
        if not exclusive and not disks:
            return SKIP

        def look(node: NodeInfo) -> Status | None:
            for other in node.pods.values():
                if any(_conflict(one, two) for one in disks for two in _disks(other)):
                    return _NO_DISK
            return None

        if not exclusive:
            return PreFilterResult(look)
        rule = _Exclusive(namespace, exclusive)
        for node in self.snapshot.nodes:
            for one in node.pods.values():
                rule.count(one, node, 1)
        return PreFilterResult(look if disks else None, rule=rule)


@define(eq=False)
class _Exclusive:
    """How many pods use claims that are for one pod."""

    namespace: str
    claims: frozenset[str]
    users: int = 0

    def position(self, node: NodeInfo) -> Hashable:
        return None

    def count(self, pod: PodInfo, node: NodeInfo, sign: int) -> Sequence[str]:
        if pod.name.namespace == self.namespace:
            self.users += sign * sum(name in self.claims for name in claims_of(pod.pod))
        return ()

    def goes_by_nodes(self) -> bool:
        return False

    def refusal(self, position: Hashable) -> Status | None:
        return _IN_USE if self.users > 0 else None


def _disks(pod: PodInfo) -> list[Disk]:
    return [one.disk for one in pod.pod.spec.volumes if one.disk is not None]


def _conflict(one: Disk, other: Disk) -> bool:
    """Whether two pods of a node cannot both have their disks (upstream: `isVolumeConflict`)."""
    if isinstance(one, AwsDisk):
        return one == other
    same = False
    if isinstance(one, GceDisk) and isinstance(other, GceDisk):
        same = one.pd_name == other.pd_name
    elif isinstance(one, IscsiDisk) and isinstance(other, IscsiDisk):
        same = one.iqn == other.iqn
    elif isinstance(one, RbdDisk) and isinstance(other, RbdDisk):
        place = one.pool == other.pool and one.image == other.image
        same = place and any(monitor in other.monitors for monitor in one.monitors)
    if not same or isinstance(other, AwsDisk):
        return False
    return not (one.read_only and other.read_only)


_NO_DISK: Final = Status(("node(s) had no available disk",), plugin=VolumeRestrictions.name)
_IN_USE: Final = Status(
    (
        "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod "
        "access mode",
    ),
    plugin=VolumeRestrictions.name,
)
