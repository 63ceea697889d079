"""A pod that names its node goes nowhere else (upstream: NodeName)."""

from __future__ import annotations

from k8slite.scheduler.plugin import SKIP, FilterPlugin, PreFilterResult, Status
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo


class NodeName(FilterPlugin):
    """Compares spec.nodeName."""

    name = "NodeName"
    remembered = True
    reads_labels = False

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        wanted = pod.pod.spec.node_name
        if not wanted:
            return SKIP

        def matches(node: NodeInfo) -> Status | None:
            return None if node.name == wanted else _REFUSED

        return PreFilterResult(matches)


_REFUSED = Status(
    ("node(s) didn't match the requested node name",), unresolvable=True, plugin=NodeName.name
)
