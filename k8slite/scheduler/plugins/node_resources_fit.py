"""What a pod requests must be free on its node (upstream: NodeResourcesFit).

Among nodes that have it, those with more left are better (LeastAllocated over cpu and memory), or
whatever else the configuration says.
"""

from __future__ import annotations

import math

from k8slite.scheduler.plugin import (
    SCORE_MOST,
    FilterPlugin,
    PreFilterResult,
    Score,
    ScorePlugin,
    Setting,
    Status,
)
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.shapes import rating_of, weights_of
from k8slite.scheduler.snapshot import NodeInfo


class NodeResourcesFit(FilterPlugin, ScorePlugin):
    """Compares requests with what is allocatable and not yet requested."""

    name = "NodeResourcesFit"
    remembered = True
    reads_labels = False
    weight = 1

    def __init__(self, setting: Setting) -> None:
        """Raises ValueError for a scoring strategy that is none."""
        super().__init__(setting)
        args = setting.args
        self._ignored = frozenset(args.get("ignoredResources") or ())
        self._ignored_groups = frozenset(args.get("ignoredResourceGroups") or ())
        strategy = args.get("scoringStrategy") or {}
        self._kind = strategy.get("type") or "LeastAllocated"
        self._rate = rating_of(strategy)
        self._weights = weights_of(strategy.get("resources") or ())

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        milli_cpu, memory = pod.milli_cpu, pod.memory
        scalars = tuple(one for one in pod.scalars if not self._ignores(one[0]))

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
            return _refusal(pod, scalars, node)

        return PreFilterResult(look)

    def pre_score(self, pod: PodInfo) -> Score | None:
        if self._kind != "LeastAllocated" or self._weights != {"cpu": 1, "memory": 1}:
            return self._by_strategy(pod)
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

    def _ignores(self, resource: str) -> bool:
        group = resource.partition("/")[0]
        return resource in self._ignored or ("/" in resource and group in self._ignored_groups)

    def _by_strategy(self, pod: PodInfo) -> Score:
        rate, rounds = self._rate, self._kind == "RequestedToCapacityRatio"
        wanted = {"cpu": pod.non_zero_milli_cpu, "memory": pod.non_zero_memory, **dict(pod.scalars)}
        # What a pod does not ask for is of no account, but for cpu and memory.
        weights = {name: weight for name, weight in self._weights.items() if name in wanted}

        def score(node: NodeInfo) -> int:
            total = shares = 0
            for name, weight in weights.items():
                capacity = node.allocatable(name)
                if not capacity:
                    continue
                found = rate(node.scored(name) + wanted[name], capacity)
                if rounds and found <= 0:
                    continue
                total += found * weight
                shares += weight
            if not shares:
                return 0
            return math.floor(total / shares + 0.5) if rounds else total // shares

        return score


def _refusal(pod: PodInfo, scalars: tuple[tuple[str, int], ...], node: NodeInfo) -> Status:
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
            for name, value in scalars
        ),
    )
    for name, value, capacity, used in wanted:
        if value and value > capacity - used:
            reasons.append(f"Insufficient {name}")
            unresolvable = unresolvable or value > capacity
    return Status(tuple(reasons), unresolvable, NodeResourcesFit.name)
