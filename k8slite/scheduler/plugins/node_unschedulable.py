"""A cordoned node takes no more pods but those that tolerate it (upstream: NodeUnschedulable)."""

from __future__ import annotations

from k8slite.kinds.core.models import Taint
from k8slite.kinds.core.node_matching import tolerated
from k8slite.scheduler.plugin import SKIP, FilterPlugin, PreFilterResult, Status
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo


class NodeUnschedulable(FilterPlugin):
    """Looks at spec.unschedulable as if it were its taint."""

    name = "NodeUnschedulable"
    remembered = True
    reads_labels = False

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        return SKIP if tolerated(_TAINT, pod.pod.spec.tolerations) else _LOOK


def _look(node: NodeInfo) -> Status | None:
    return _REFUSED if node.unschedulable else None


_TAINT = Taint("node.kubernetes.io/unschedulable", effect="NoSchedule")
_REFUSED = Status(("node(s) were unschedulable",), unresolvable=True, plugin=NodeUnschedulable.name)
_LOOK = PreFilterResult(_look)
