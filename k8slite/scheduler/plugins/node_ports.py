"""Two pods of a node cannot have the same host port (upstream: NodePorts)."""

from __future__ import annotations

from k8slite.scheduler.plugin import SKIP, FilterPlugin, PreFilterResult, Status
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo


class NodePorts(FilterPlugin):
    """Looks whether the ports are free."""

    name = "NodePorts"
    remembered = True
    reads_labels = False

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        wanted = pod.ports
        if not wanted:
            return SKIP

        def look(node: NodeInfo) -> Status | None:
            for port in wanted:
                if node.conflicts(port):
                    return _REFUSED
            return None

        return PreFilterResult(look)


_REFUSED = Status(
    ("node(s) didn't have free ports for the requested pod ports",), plugin=NodePorts.name
)
