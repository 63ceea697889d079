"""A tainted node is for pods that tolerate the taint (upstream: TaintToleration).

NoSchedule and NoExecute refuse; every PreferNoSchedule that is not tolerated makes the node less
wanted.
"""

from __future__ import annotations

from k8slite.kinds.core.node_matching import tolerated
from k8slite.scheduler.plugin import (
    FilterPlugin,
    PreFilterResult,
    Score,
    ScorePlugin,
    Status,
    normalize,
)
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo


class TaintToleration(FilterPlugin, ScorePlugin):
    """Compares taints with tolerations."""

    name = "TaintToleration"
    remembered = True
    reads_labels = False
    weight = 3
    normalized = True

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        tolerations = pod.pod.spec.tolerations

        def look(node: NodeInfo) -> Status | None:
            for taint in node.hard_taints:
                if not tolerated(taint, tolerations):
                    return _REFUSED
            return None

        return PreFilterResult(look)

    def pre_score(self, pod: PodInfo) -> Score | None:
        tolerations = tuple(
            one for one in pod.pod.spec.tolerations if one.effect in ("", "PreferNoSchedule")
        )

        def count(node: NodeInfo) -> int:
            if not node.soft_taints:
                return 0
            return sum(not tolerated(taint, tolerations) for taint in node.soft_taints)

        return count

    def normalize(self, scores: list[int]) -> list[int]:
        return normalize(scores, reverse=True)


# Upstream no longer names the taint, so that one line stands for all nodes.
_REFUSED = Status(
    ("node(s) had untolerated taint(s)",), unresolvable=True, plugin=TaintToleration.name
)
