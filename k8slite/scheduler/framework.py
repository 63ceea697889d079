"""One profile's plugins at work: which node a pod gets (upstream: `schedule_one.go`).

Pods of one class (equal signatures) share an evaluation of the nodes, which is kept up as things
change: of a row of equal pods each costs little more than the one node that the pod before it went
to. Where a plugin goes by what cannot be kept up, the evaluation is made for one pod and thrown
away; then the search ends when enough nodes are possible, and the next one begins where it ended.
"""

from __future__ import annotations

import logging
import random
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any, Final

from attrs import define, field, frozen

from k8slite.client.client import Client
from k8slite.scheduler.diagnosis import Diagnosis
from k8slite.scheduler.evaluation import Evaluation, Prepared
from k8slite.scheduler.plugin import (
    BindPlugin,
    Comparison,
    CycleFailed,
    Event,
    Filter,
    FilterPlugin,
    PermitPlugin,
    Plugin,
    PostBindPlugin,
    PostFilterPlugin,
    PostFilterResult,
    PreBindPlugin,
    PreEnqueuePlugin,
    QueueSortPlugin,
    ReservePlugin,
    Rule,
    Score,
    ScorePlugin,
    Status,
)
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo, Snapshot

log = logging.getLogger(__name__)

# Classes of pods whose evaluation is kept: workloads that are scheduled in turns. Each takes some
# 500 bytes a node.
REMEMBERED_MOST: Final = 64
# Below this many nodes all are looked at (upstream: `minFeasibleNodesToFind`).
FEASIBLE_LEAST: Final = 100
FEASIBLE_LEAST_PERCENT: Final = 5  # upstream: `minFeasibleNodesPercentageToFind`


@frozen
class Enabled:
    """The plugins of a profile by extension point, in order; those that score with weights."""

    queue_sort: QueueSortPlugin
    pre_enqueue: tuple[PreEnqueuePlugin, ...] = ()
    filters: tuple[FilterPlugin, ...] = ()
    post_filters: tuple[PostFilterPlugin, ...] = ()
    scores: tuple[tuple[ScorePlugin, int], ...] = ()
    reserves: tuple[ReservePlugin, ...] = ()
    permits: tuple[PermitPlugin, ...] = ()
    pre_binds: tuple[PreBindPlugin, ...] = ()
    binds: tuple[BindPlugin, ...] = ()
    post_binds: tuple[PostBindPlugin, ...] = ()


class Framework:
    """Decides by the plugins of one profile."""

    def __init__(
        self,
        enabled: Enabled,
        snapshot: Snapshot,
        chance: random.Random,
        *,
        percentage_of_nodes: int = 0,
    ) -> None:
        """`percentage_of_nodes`: how many possible nodes are enough; 0 goes by their number."""
        self._enabled = enabled
        self._snapshot = snapshot
        self._chance = chance
        self._percentage_of_nodes = percentage_of_nodes
        self._keyed = [
            one
            for one in dict.fromkeys([*enabled.filters, *(one for one, _ in enabled.scores)])
            if type(one).pod_key is not Plugin.pod_key
        ]
        self._reads_labels = any(
            one.reads_labels and one.remembered
            for one in (*enabled.filters, *(one for one, _ in enabled.scores))
        )
        self._evaluations: OrderedDict[Hashable, Evaluation] = OrderedDict()
        self._next_start = 0

    def sort_key(self, pod: PodInfo, since: float) -> Any:
        """The smaller is tried first."""
        return self._enabled.queue_sort.sort_key(pod, since)

    def gated(self, pod: PodInfo) -> Status | None:
        """Why a pod may not be tried yet."""
        for plugin in self._enabled.pre_enqueue:
            if (status := plugin.pre_enqueue(pod)) is not None:
                return status
        return None

    def pod_class(self, pod: PodInfo) -> Hashable:
        """Equal for pods that are the same to every plugin."""
        known = pod.signature if self._reads_labels else pod.unlabelled_signature
        return known, tuple([plugin.pod_key(pod) for plugin in self._keyed])

    def could_go(self, pod: PodInfo, improved: Sequence[NodeInfo]) -> bool:
        """Whether a pod that fitted nowhere is worth another try, now that some nodes are better.

        Certain where the evaluation of its class is at hand; else "no" is certain. Raises nothing:
        where a plugin fails, that is told by another try.
        """
        try:
            return self._could_go(pod, improved)
        except CycleFailed:
            return True

    def _could_go(self, pod: PodInfo, improved: Sequence[NodeInfo]) -> bool:
        nominated = self._snapshot.get(self._snapshot.nomination(pod.uid))
        known = self._evaluations.get(self.pod_class(pod))
        if known is not None and known.catch_up():
            if nominated is not None and self._fits(known, nominated, pod):
                return True
            return known.is_possible()
        prepared = self._prepare(pod)
        if prepared.refusal is not None:
            return False
        if prepared.rules:
            return True
        evaluation = Evaluation(pod, prepared, self._snapshot, self._chance)
        names = prepared.node_names
        return any(
            evaluation.refusal(node, besides=pod.uid) is None
            for node in improved
            if names is None or node.name in names
        )

    def helps(self, pod: PodInfo, refused_by: frozenset[str], event: Event) -> bool:
        """Whether an event may help a pod that some plugins have refused; "" stands for any."""
        if "" in refused_by:
            return True
        return any(
            one.helped_by(pod, event)
            for one in self._enabled.filters
            if one.name in refused_by and not one.remembered
        )

    def decide(self, pod: PodInfo) -> NodeInfo | Diagnosis:
        """The node for a pod, or why there is none. Raises CycleFailed."""
        nominated = self._snapshot.get(self._snapshot.nomination(pod.uid))
        evaluation = self.evaluation(pod)
        if evaluation.prepared.refusal is None:
            # Others went from a node so that this pod may come: it need not look further.
            if nominated is not None and self._fits(evaluation, nominated, pod):
                return nominated
            if (found := evaluation.best()) is not None:
                return found
        return Diagnosis(
            len(self._snapshot.nodes),
            list(evaluation.refusals().values()),
            evaluation.prepared.narrowing_plugins,
            evaluation.prepared.refusal,
            self.after(pod, evaluation),
            evaluation.is_blocked_by_rules,
            not evaluation.prepared.remembered,
        )

    def evaluation(self, pod: PodInfo) -> Evaluation:
        """The nodes as pods of a class see them, as of now."""
        key = self.pod_class(pod)
        found = self._evaluations.get(key)
        if found is not None and found.catch_up():
            self._evaluations.move_to_end(key)
            return found
        prepared = self._prepare(pod)
        made = Evaluation(pod, prepared, self._snapshot, self._chance)
        if prepared.remembered:
            made.fill(self._worth_looking_at(prepared), 0)
            self._evaluations[key] = made
            if len(self._evaluations) > REMEMBERED_MOST:
                self._evaluations.popitem(last=False)
        else:
            self._evaluations.pop(key, None)
            self._fill_in_turn(made)
        return made

    def reserve(self, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Run every Reserve plugin; all are undone if one refuses."""
        for plugin in self._enabled.reserves:
            if (status := plugin.reserve(pod, node)) is not None:
                self.unreserve(pod, node.name)
                return status
        return None

    def unreserve(self, pod: PodInfo, node_name: str) -> None:
        """Undo what was reserved, in reverse order."""
        for plugin in reversed(self._enabled.reserves):
            plugin.unreserve(pod, node_name)

    async def give_back(self, client: Client, pod: PodInfo, node_name: str) -> None:
        """Take back what plugins have written for a binding that did not come about."""
        for plugin in reversed(self._enabled.reserves):
            try:
                await plugin.give_back(client, pod, node_name)
            except Exception as error:
                log.info("%s: giving back for %s: %r", plugin.name, pod.name, error)

    def may_wait(self, pod: PodInfo, node_name: str) -> bool:
        """Whether there is something to wait for before a pod is bound."""
        enabled = self._enabled
        return bool(enabled.permits) or any(one.needed(pod, node_name) for one in enabled.pre_binds)

    async def prepare_binding(self, client: Client, pod: PodInfo, node_name: str) -> Status | None:
        """Ask for permission and do what must be done first; why the pod is not to be bound.

        Raises what the client raises.
        """
        for permit in self._enabled.permits:
            if (status := await permit.permit(pod, node_name)) is not None:
                return status
        for plugin in self._enabled.pre_binds:
            if not plugin.needed(pod, node_name):
                continue
            if (status := await plugin.pre_bind(client, pod, node_name)) is not None:
                return status
        return None

    async def bind(self, client: Client, pod: PodInfo, node_name: str) -> None:
        """Bind by the first Bind plugin that takes the pod; raises what it raises."""
        for plugin in self._enabled.binds:
            if await plugin.bind(client, pod, node_name):
                return

    def after_binding(self, pod: PodInfo, node_name: str) -> None:
        """Tell the PostBind plugins."""
        for plugin in self._enabled.post_binds:
            plugin.post_bind(pod, node_name)

    def after(self, pod: PodInfo, evaluation: Evaluation) -> PostFilterResult:
        """What is to be done about a pod that fits nowhere (upstream: `RunPostFilterPlugins`)."""
        messages, gives_up, carry_out = [], False, None
        for plugin in self._enabled.post_filters:
            result = plugin.post_filter(pod, evaluation)
            if result.preemption is not None:
                return result
            messages.append(result.message)
            gives_up = gives_up or result.gives_up_nomination
            carry_out = carry_out or result.carry_out
        return PostFilterResult(", ".join(filter(None, messages)), None, gives_up, carry_out)

    def _fits(self, evaluation: Evaluation, node: NodeInfo, pod: PodInfo) -> bool:
        names = evaluation.prepared.node_names
        if names is not None and node.name not in names:
            return False
        return evaluation.refusal(node, besides=pod.uid) is None

    def _prepare(self, pod: PodInfo) -> Prepared:
        """Ask every plugin what it has to say about a pod."""
        found = _Preparation()
        for plugin in self._enabled.filters:
            found.filter_by(plugin, pod)
            if found.refusal is not None:
                break
        for score_plugin, weight in self._enabled.scores:
            found.score_by(score_plugin, weight, pod)
        return found.prepared()

    def _worth_looking_at(self, prepared: Prepared) -> Sequence[NodeInfo]:
        if prepared.refusal is not None:
            return ()
        if prepared.node_names is None:
            return self._snapshot.nodes
        found = [self._snapshot.get(name) for name in sorted(prepared.node_names)]
        return [node for node in found if node is not None]

    def _fill_in_turn(self, evaluation: Evaluation) -> None:
        """Judge as many nodes as are needed, beginning where the last such search ended."""
        nodes = self._worth_looking_at(evaluation.prepared)
        total = len(nodes)
        wanted = _nodes_to_find(total, self._percentage_of_nodes)
        if wanted >= total:
            evaluation.fill(nodes, 0)
            return
        start = self._next_start % total
        judged = evaluation.fill([*nodes[start:], *nodes[:start]], wanted)
        self._next_start = (start + judged) % total


@define(eq=False)
class _Preparation:
    """What the plugins have said so far."""

    filters: list[Filter] = field(factory=list)
    rules: list[Rule] = field(factory=list)
    scores: list[tuple[Score, int]] = field(factory=list)
    comparisons: list[tuple[Comparison, int]] = field(factory=list)
    names: frozenset[str] | None = None
    narrowing: list[str] = field(factory=list)
    refusal: Status | None = None
    remembered: bool = True
    by_all_nodes: bool = False

    def filter_by(self, plugin: FilterPlugin, pod: PodInfo) -> None:
        result = plugin.pre_filter(pod)
        if result.skips:
            return
        self.remembered = self.remembered and plugin.remembered
        if result.filter is not None:
            self.filters.append(result.filter)
        if result.rule is not None:
            self.rules.append(result.rule)
        if result.node_names is not None:
            names = result.node_names
            self.names = names if self.names is None else names & self.names
            self.narrowing.append(plugin.name)
        self.refusal = result.refusal

    def score_by(self, plugin: ScorePlugin, weight: int, pod: PodInfo) -> None:
        found = plugin.pre_score(pod)
        if found is None:
            return
        self.remembered = self.remembered and plugin.remembered
        self.by_all_nodes = self.by_all_nodes or plugin.by_all_nodes
        if not callable(found):
            self.comparisons.append((found, weight))
        elif plugin.normalized:
            self.comparisons.append((_Normalized(found, plugin), weight))
        else:
            self.scores.append((found, weight))

    def prepared(self) -> Prepared:
        return Prepared(
            tuple(self.filters),
            tuple(self.rules),
            tuple(self.scores),
            tuple(self.comparisons),
            self.names,
            tuple(sorted(self.narrowing)),
            self.refusal,
            self.remembered,
            self.by_all_nodes,
        )


@define(eq=False)
class _Normalized:
    """A score of a node alone, which gets its meaning by comparison."""

    score: Score
    plugin: ScorePlugin

    def position(self, node: NodeInfo) -> Hashable:
        return self.score(node)

    def count(self, pod: PodInfo, node: NodeInfo, sign: int) -> Sequence[str]:
        return ()

    def goes_by_nodes(self) -> bool:
        return False

    def compare(self, positions: Sequence[int], sizes: Sequence[int]) -> list[int]:
        return self.plugin.normalize(list(positions))


def _nodes_to_find(total: int, percent: int = 0) -> int:
    """How many possible nodes are enough (upstream: `numFeasibleNodesToFind`)."""
    if total < FEASIBLE_LEAST:
        return total
    percent = percent or max(50 - total // 125, FEASIBLE_LEAST_PERCENT)
    return max(total * percent // 100, FEASIBLE_LEAST) if percent < 100 else total
