"""A claim that only one pod may use is used by one pod (upstream: VolumeRestrictions)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

from attrs import define

from k8slite.client.resource import PERSISTENT_VOLUME_CLAIMS
from k8slite.kinds.core.volume_matching import claims_of
from k8slite.scheduler.plugin import SKIP, Event, FilterPlugin, PreFilterResult, Status
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo
from k8slite.scheduler.volumes import volume_may_help


class VolumeRestrictions(FilterPlugin):
    """Looks at claims with the access mode ReadWriteOncePod."""

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
        if not exclusive:
            return SKIP
        rule = _Exclusive(namespace, exclusive)
        for node in self.snapshot.nodes:
            for one in node.pods.values():
                rule.count(one, node, 1)
        return PreFilterResult(rule=rule)


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


_IN_USE: Final = Status(
    (
        "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod "
        "access mode",
    ),
    plugin=VolumeRestrictions.name,
)
