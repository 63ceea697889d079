"""A pod goes to the zone of its volumes, where these are labelled so (upstream: VolumeZone)."""

from __future__ import annotations

from typing import Final

from k8slite.client.resource import PERSISTENT_VOLUMES
from k8slite.scheduler.plugin import SKIP, Event, FilterPlugin, PreFilterResult, Status
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo
from k8slite.scheduler.volumes import Unavailable, claims_of_pod, volume_may_help

_BETA: Final = "failure-domain.beta.kubernetes.io/"
_STABLE: Final = "topology.kubernetes.io/"
_LABELS: Final = (f"{_BETA}zone", f"{_BETA}region", f"{_STABLE}zone", f"{_STABLE}region")
_ZONE_SEPARATOR: Final = "__"  # between the zones of one volume


class VolumeZone(FilterPlugin):
    """Looks at the labels of the volumes that a pod's claims are bound to."""

    name = "VolumeZone"

    def helped_by(self, pod: PodInfo, event: Event) -> bool:
        return volume_may_help(pod, event)

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        try:
            claims = claims_of_pod(pod.pod, self.setting.view)
        except Unavailable:
            return SKIP  # VolumeBinding has refused the pod, or is switched off
        wanted: list[tuple[str, list[str]]] = []
        for claim in claims.bound if claims is not None else ():
            volume = self.setting.view.get(PERSISTENT_VOLUMES, claim.spec.volume_name)
            labels = volume.metadata.labels if volume is not None else {}
            wanted += [
                (key, labels[key].split(_ZONE_SEPARATOR)) for key in _LABELS if key in labels
            ]
        if not wanted:
            return SKIP

        def look(node: NodeInfo) -> Status | None:
            labels = node.labels
            if not any(key in labels for key in _LABELS):
                return None  # a cluster of a single zone
            for key, values in wanted:
                value = labels.get(key, labels.get(key.replace(_BETA, _STABLE)))
                if value not in values:
                    return _REFUSED
            return None

        return PreFilterResult(look)


_REFUSED: Final = Status(
    ("node(s) had no available volume zone",), unresolvable=True, plugin=VolumeZone.name
)
