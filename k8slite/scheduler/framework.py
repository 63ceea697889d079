"""One decision: which node a pod gets, by what the plugins say.

Nodes are filtered, the possible ones scored, and chance chooses among the best. In a large cluster
the search ends when enough nodes are possible, and the next one begins where it ended (upstream:
`schedule_one.go`). What was found out about a node for a pod is kept for the next pod of the same
signature and holds until the node's generation changes: of a row of equal pods each costs the
evaluation of the one node that the pod before it went to.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence
from typing import Final

from attrs import define, field, frozen

from k8slite.client.client import Client
from k8slite.scheduler.diagnosis import Diagnosis
from k8slite.scheduler.plugin import (
    BindPlugin,
    Filter,
    FilterPlugin,
    Plugin,
    PreEnqueuePlugin,
    ReservePlugin,
    Score,
    ScorePlugin,
    Status,
)
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo, Snapshot

# Signatures of pods whose evaluation is kept: workloads that are scheduled in turns. Each takes an
# entry of some 200 bytes a node.
REMEMBERED_MOST: Final = 64
# Below this many nodes all are looked at (upstream: `minFeasibleNodesToFind`).
FEASIBLE_LEAST: Final = 100
FEASIBLE_LEAST_PERCENT: Final = 5  # upstream: `minFeasibleNodesPercentageToFind`


class Framework:
    """The plugins at work."""

    def __init__(self, plugins: Iterable[Plugin], chance: random.Random) -> None:
        plugins = list(plugins)
        self._gates = [one for one in plugins if isinstance(one, PreEnqueuePlugin)]
        self._filters = [one for one in plugins if isinstance(one, FilterPlugin)]
        self._scores = [one for one in plugins if isinstance(one, ScorePlugin)]
        self._reserves = [one for one in plugins if isinstance(one, ReservePlugin)]
        self._binder = next(one for one in plugins if isinstance(one, BindPlugin))
        self._chance = chance
        self._evaluations: OrderedDict[Hashable, _Evaluation] = OrderedDict()
        self._next_start = 0

    def gated(self, pod: PodInfo) -> Status | None:
        """Why a pod may not be tried yet."""
        for plugin in self._gates:
            if (status := plugin.pre_enqueue(pod)) is not None:
                return status
        return None

    def fits(self, pod: PodInfo, node: NodeInfo) -> bool:
        """Whether a node is possible for a pod as things are."""
        evaluation = self._evaluation(pod)
        if evaluation.node_names is not None and node.name not in evaluation.node_names:
            return False
        return evaluation.verdict(node).status is None

    def decide(self, pod: PodInfo, snapshot: Snapshot) -> NodeInfo | Diagnosis:
        """The node for a pod, or why there is none."""
        evaluation = self._evaluation(pod)
        nodes: Sequence[NodeInfo] = snapshot.nodes
        if evaluation.node_names is not None:
            found = [snapshot.get(name) for name in sorted(evaluation.node_names)]
            nodes = [node for node in found if node is not None]
        evaluation.forget_the_gone(len(snapshot.nodes))
        feasible, refused = self._search(evaluation, nodes)
        if not feasible:
            may_preempt = pod.pod.spec.preemption_policy != "Never"
            total = len(snapshot.nodes)
            return Diagnosis(total, refused, evaluation.narrowing_plugins, may_preempt)
        return self._best(evaluation, feasible)

    def reserve(self, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Run every Reserve plugin; all are undone if one refuses."""
        for plugin in self._reserves:
            if (status := plugin.reserve(pod, node)) is not None:
                self.unreserve(pod, node.name)
                return status
        return None

    def unreserve(self, pod: PodInfo, node_name: str) -> None:
        """Undo what was reserved, in reverse order."""
        for plugin in reversed(self._reserves):
            plugin.unreserve(pod, node_name)

    async def bind(self, client: Client, pod: PodInfo, node_name: str) -> None:
        """Bind by the Bind plugin; raises what it raises."""
        await self._binder.bind(client, pod, node_name)

    def _evaluation(self, pod: PodInfo) -> _Evaluation:
        found = self._evaluations.get(pod.signature)
        if found is not None:
            self._evaluations.move_to_end(pod.signature)
            return found
        found = self._evaluations[pod.signature] = self._prepare(pod)
        if len(self._evaluations) > REMEMBERED_MOST:
            self._evaluations.popitem(last=False)
        return found

    def _prepare(self, pod: PodInfo) -> _Evaluation:
        """Ask every plugin what it has to say about such pods."""
        filters: list[Filter] = []
        names: frozenset[str] | None = None
        narrowing: list[str] = []
        for plugin in self._filters:
            result = plugin.pre_filter(pod)
            if result.filter is not None:
                filters.append(result.filter)
            if result.node_names is not None:
                names = result.node_names if names is None else names & result.node_names
                narrowing.append(plugin.name)
        scores = [(score, one) for one in self._scores if (score := one.pre_score(pod)) is not None]
        return _Evaluation(
            tuple(filters),
            tuple((score, one.weight) for score, one in scores if not one.normalized),
            tuple((score, one) for score, one in scores if one.normalized),
            names,
            tuple(sorted(narrowing)),
        )

    def _search(
        self, evaluation: _Evaluation, nodes: Sequence[NodeInfo]
    ) -> tuple[list[tuple[NodeInfo, _Verdict]], list[Status]]:
        """The possible nodes, as many as are wanted, and the refusals of others."""
        total = len(nodes)
        wanted = _nodes_to_find(total)
        start = self._next_start % total if total and wanted < total else 0
        if start:
            nodes = [*nodes[start:], *nodes[:start]]
        feasible: list[tuple[NodeInfo, _Verdict]] = []
        refused: list[Status] = []
        verdicts = evaluation.verdicts
        for node in nodes:
            verdict = verdicts.get(node.name)
            if verdict is None or verdict.generation != node.generation:
                verdict = evaluation.verdict(node)
            if verdict.status is None:
                feasible.append((node, verdict))
                if len(feasible) == wanted:
                    break
            else:
                refused.append(verdict.status)
        if wanted < total:
            self._next_start = (start + len(feasible) + len(refused)) % total
        return feasible, refused

    def _best(self, evaluation: _Evaluation, feasible: list[tuple[NodeInfo, _Verdict]]) -> NodeInfo:
        if len(feasible) == 1:
            return feasible[0][0]
        totals = [verdict.score for _, verdict in feasible]
        for i, (_, plugin) in enumerate(evaluation.compared):
            raw = [verdict.compared[i] for _, verdict in feasible]
            if min(raw) == max(raw):
                continue  # the same for all of them
            weight = plugin.weight
            for j, score in enumerate(plugin.normalize(raw)):
                totals[j] += weight * score
        best = max(totals)
        tied = [i for i, score in enumerate(totals) if score == best]
        chosen = tied[self._chance.randrange(len(tied))] if len(tied) > 1 else tied[0]
        return feasible[chosen][0]


@frozen
class _Verdict:
    """What was found out about a node of that generation."""

    generation: int
    status: Status | None
    score: int = 0  # of the plugins that need no comparison, weighted
    compared: tuple[int, ...] = ()  # of those that do


@define(eq=False)
class _Evaluation:
    """What the plugins say about pods of one signature, and the verdicts on nodes so far."""

    filters: tuple[Filter, ...]
    scores: tuple[tuple[Score, int], ...]
    compared: tuple[tuple[Score, ScorePlugin], ...]
    node_names: frozenset[str] | None
    narrowing_plugins: tuple[str, ...]
    verdicts: dict[str, _Verdict] = field(factory=dict)

    def verdict(self, node: NodeInfo) -> _Verdict:
        """Ask the plugins, if nothing is known of the node as it is now."""
        known = self.verdicts.get(node.name)
        if known is not None and known.generation == node.generation:
            return known
        found = self.verdicts[node.name] = self._found(node)
        return found

    def forget_the_gone(self, nodes: int) -> None:
        """Keep no more verdicts than nodes, about."""
        if len(self.verdicts) > 2 * nodes:
            self.verdicts.clear()

    def _found(self, node: NodeInfo) -> _Verdict:
        for look in self.filters:
            if (status := look(node)) is not None:
                return _Verdict(node.generation, status)
        score = 0
        for rate, weight in self.scores:
            score += weight * rate(node)
        return _Verdict(
            node.generation, None, score, tuple(rate(node) for rate, _ in self.compared)
        )


def _nodes_to_find(total: int) -> int:
    """How many possible nodes are enough (upstream: `numFeasibleNodesToFind`)."""
    if total < FEASIBLE_LEAST:
        return total
    percent = max(50 - total // 125, FEASIBLE_LEAST_PERCENT)
    return max(total * percent // 100, FEASIBLE_LEAST)
