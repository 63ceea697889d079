"""What a pod requests must be free on its node (upstream: NodeResourcesFit).

Among nodes that have it, those with more left are better (LeastAllocated over cpu and memory).
"""

from __future__ import annotations

from k8slite.scheduler.plugin import (
    SCORE_MOST,
    FilterPlugin,
    PreFilterResult,
    Score,
    ScorePlugin,
    Status,
)
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo


class NodeResourcesFit(FilterPlugin, ScorePlugin):
    """Compares requests with what is allocatable and not yet requested."""

    name = "NodeResourcesFit"
    remembered = True
    weight = 1

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        milli_cpu, memory, scalars = pod.milli_cpu, pod.memory, pod.scalars

        def look(node: NodeInfo) -> Status | None:
            if (
                len(node.pods) < node.allocatable_pods
                and (not milli_cpu or milli_cpu <= node.allocatable_milli_cpu - node.milli_cpu)
                and (not memory or memory <= node.allocatable_memory - node.memory)
            ):
                for name, wanted in scalars:
                    if wanted > node.allocatable_scalars.get(name, 0) - node.scalars.get(name, 0):
                        break
                else:
                    return None
            return _refusal(pod, node)

        return PreFilterResult(look)

    def pre_score(self, pod: PodInfo) -> Score | None:
        milli_cpu, memory = pod.non_zero_milli_cpu, pod.non_zero_memory

        def least_allocated(node: NodeInfo) -> int:
            score = parts = 0
            if capacity := node.allocatable_milli_cpu:
                parts += 1
                left = capacity - node.non_zero_milli_cpu - milli_cpu
                if left > 0:
                    score += left * SCORE_MOST // capacity
            if capacity := node.allocatable_memory:
                parts += 1
                left = capacity - node.non_zero_memory - memory
                if left > 0:
                    score += left * SCORE_MOST // capacity
            return score // parts if parts else 0

        return least_allocated


def _refusal(pod: PodInfo, node: NodeInfo) -> Status:
    """All that is lacking; what the whole node does not have, no pod can make room for."""
    reasons = []
    unresolvable = False
    if len(node.pods) >= node.allocatable_pods:
        reasons.append("Too many pods")
    wanted = (
        ("cpu", pod.milli_cpu, node.allocatable_milli_cpu, node.milli_cpu),
        ("memory", pod.memory, node.allocatable_memory, node.memory),
        *(
            (name, value, node.allocatable_scalars.get(name, 0), node.scalars.get(name, 0))
            for name, value in pod.scalars
        ),
    )
    for name, value, capacity, used in wanted:
        if value and value > capacity - used:
            reasons.append(f"Insufficient {name}")
            unresolvable = unresolvable or value > capacity
    return Status(tuple(reasons), unresolvable, NodeResourcesFit.name)
