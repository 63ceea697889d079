"""A node takes as many volumes of a driver as the driver says (upstream: NodeVolumeLimits)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from k8slite.client.resource import (
    CSI_NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
)
from k8slite.kinds.core.models import Pod
from k8slite.kinds.core.volume_matching import claims_of, class_of
from k8slite.scheduler.plugin import SKIP, Event, FilterPlugin, PreFilterResult, Status
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo
from k8slite.scheduler.volumes import volume_may_help


class NodeVolumeLimits(FilterPlugin):
    """Counts the volumes of CSI drivers by what the CSINode of each node allows."""

    name = "NodeVolumeLimits"

    def helped_by(self, pod: PodInfo, event: Event) -> bool:
        if event.resource is PERSISTENT_VOLUME_CLAIMS:
            return volume_may_help(pod, event)
        return event.resource is CSI_NODES  # pods that leave are seen by their node

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        wanted = dict(self._volumes(pod.pod))
        if not wanted:
            return SKIP

        def look(node: NodeInfo) -> Status | None:
            found = self.setting.view.get(CSI_NODES, node.name)
            limits = {
                one.name: one.allocatable.count
                for one in (found.spec.drivers if found is not None else ())
                if one.allocatable is not None and one.allocatable.count is not None
            }
            if not any(driver in limits for driver in wanted.values()):
                return None
            there = {
                volume: driver
                for one in node.pods.values()
                for volume, driver in self._volumes(one.pod)
            }
            together = list((there | wanted).values())
            for volume, driver in wanted.items():
                if volume in there or driver not in limits:
                    continue
                if together.count(driver) > limits[driver]:
                    return _FULL
            return None

        return PreFilterResult(look)

    def _volumes(self, pod: Pod) -> Iterator[tuple[str, str]]:
        """What tells a volume of a pod from others, and its driver."""
        view, namespace = self.setting.view, pod.metadata.namespace
        for name in claims_of(pod):
            claim = view.get(PERSISTENT_VOLUME_CLAIMS, name, namespace)
            if claim is None:
                continue
            volume = view.get(PERSISTENT_VOLUMES, claim.spec.volume_name)
            if volume is not None and volume.spec.csi is not None:
                yield (
                    f"{volume.spec.csi.driver}/{volume.spec.csi.volume_handle}",
                    (volume.spec.csi.driver),
                )
            elif not claim.spec.volume_name:
                made_by = view.get(STORAGE_CLASSES, class_of(claim))
                if made_by is not None:
                    yield f"{made_by.provisioner}/{namespace}/{name}", made_by.provisioner


_FULL: Final = Status(("node(s) exceed max volume count",), plugin=NodeVolumeLimits.name)
