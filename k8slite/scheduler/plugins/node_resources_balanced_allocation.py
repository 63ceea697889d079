"""Nodes whose resources are used in like shares are better.

Upstream: NodeResourcesBalancedAllocation. A pod without requests is of no account here.
"""

from __future__ import annotations

import math

from k8slite.scheduler.plugin import SCORE_MOST, Score, ScorePlugin, Setting
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.shapes import weights_of
from k8slite.scheduler.snapshot import NodeInfo


class NodeResourcesBalancedAllocation(ScorePlugin):
    """One minus the standard deviation of the shares; of cpu and memory, or what is configured."""

    name = "NodeResourcesBalancedAllocation"
    remembered = True
    reads_labels = False
    weight = 1

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._resources = list(weights_of(setting.args.get("resources") or ()))

    def pre_score(self, pod: PodInfo) -> Score | None:
        milli_cpu, memory = pod.milli_cpu, pod.memory
        if self._resources != ["cpu", "memory"]:
            return self._of_several(pod)
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

    def _of_several(self, pod: PodInfo) -> Score | None:
        wanted = {"cpu": pod.milli_cpu, "memory": pod.memory, **dict(pod.scalars)}
        names = [name for name in self._resources if name in wanted]
        if not any(wanted[name] for name in names):
            return None

        def balance(node: NodeInfo) -> int:
            shares = [
                min((node.requested(name) + wanted[name]) / capacity, 1.0)
                for name in names
                if (capacity := node.allocatable(name))
            ]
            mean = sum(shares) / len(shares) if shares else 0.0
            squares = sum((share - mean) ** 2 for share in shares)
            deviation = math.sqrt(squares / len(shares)) if shares else 0.0
            return int((1 - deviation) * SCORE_MOST)

        return balance
