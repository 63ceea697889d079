"""Nodes whose cpu and memory are used in like shares are better.

Upstream: NodeResourcesBalancedAllocation. A pod without requests is of no account here.
"""

from __future__ import annotations

from k8slite.scheduler.plugin import SCORE_MOST, Score, ScorePlugin
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo


class NodeResourcesBalancedAllocation(ScorePlugin):
    """One minus the standard deviation of the two shares."""

    name = "NodeResourcesBalancedAllocation"
    remembered = True
    weight = 1

    def pre_score(self, pod: PodInfo) -> Score | None:
        milli_cpu, memory = pod.milli_cpu, pod.memory
        if not milli_cpu and not memory:
            return None

        def balance(node: NodeInfo) -> int:
            cpu_capacity, memory_capacity = node.allocatable_milli_cpu, node.allocatable_memory
            if not cpu_capacity or not memory_capacity:
                return SCORE_MOST  # a single share deviates from nothing
            cpu_share = min((node.milli_cpu + milli_cpu) / cpu_capacity, 1.0)
            memory_share = min((node.memory + memory) / memory_capacity, 1.0)
            # Of two numbers the standard deviation is half their distance.
            return int((1 - abs((cpu_share - memory_share) / 2)) * SCORE_MOST)

        return balance
