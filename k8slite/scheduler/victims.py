"""Which pods of a node would have to go for another, and which node's pods are the least loss.

Upstream: `defaultpreemption.SelectVictimsOnNode`, `preemption.pickOneNodeForPreemption`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from attrs import frozen

from k8slite.kinds.policy.models import PodDisruptionBudget
from k8slite.objects.selectors import selector_of
from k8slite.scheduler.plugin import Preemption, Status
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import Snapshot
from k8slite.scheduler.trial import Trial

_LEAST_PRIORITY: Final = -(2**31)
_EVER: Final = datetime(9999, 1, 1, tzinfo=UTC)  # when pods start that have not


@frozen
class Candidate:
    """A node, and the pods that would have to go, the most important first."""

    node_name: str
    victims: tuple[PodInfo, ...]
    violations: int  # how many of them a budget protects


def candidate(
    pod: PodInfo, trial: Trial, budgets: Sequence[PodDisruptionBudget]
) -> Candidate | Status:
    """As few pods of a node as will do, or why none will."""
    lesser = [one for one in trial.node.pods.values() if one.priority < pod.priority]
    if not lesser:
        return _NO_VICTIMS
    name = trial.node.name
    with trial:
        for one in lesser:
            trial.remove(one)
        if (status := trial.refusal()) is not None:
            return status
        lesser.sort(key=_importance)
        protected, others = _by_protection(lesser, budgets)
        lost_protected = _not_spared(trial, protected)
        lost = lost_protected + _not_spared(trial, others)
    return Candidate(name, tuple(sorted(lost, key=_importance)), len(lost_protected))


def least_loss(candidates: Sequence[Candidate]) -> Candidate:
    """The best of some: fewest protected pods, then the least important ones, then the fewest,
    then those that run for the shortest time, then the first."""
    left = list(candidates)
    for loss in _LOSSES:
        least = min(loss(one) for one in left)
        left = [one for one in left if loss(one) == least]
        if len(left) == 1:
            break
    return left[0]


def preemption(pod: PodInfo, candidates: Sequence[Candidate], snapshot: Snapshot) -> Preemption:
    """The best of some candidates for a pod, and the pods that its node was promised to."""
    best = least_loss(candidates)
    promised = snapshot.nominated(best.node_name)
    outranked = tuple(one for one in promised if one.priority < pod.priority)
    return Preemption(best.node_name, best.victims, outranked, tuple(candidates))


def _not_spared(trial: Trial, pods: Sequence[PodInfo]) -> list[PodInfo]:
    """Let one after the other come back; those that cannot."""
    lost = []
    for one in pods:
        trial.add(one)
        if trial.refusal() is not None:
            trial.remove(one)
            lost.append(one)
    return lost


def _by_protection(
    pods: Sequence[PodInfo], budgets: Sequence[PodDisruptionBudget]
) -> tuple[list[PodInfo], list[PodInfo]]:
    """Those whose end a budget has no room for, and the others (upstream:
    `filterPodsWithPDBViolation`)."""
    room = [one.status.disruptions_allowed for one in budgets]
    selectors = [selector_of(one.spec.selector) for one in budgets]
    protected: list[PodInfo] = []
    others: list[PodInfo] = []
    for pod in pods:
        metadata = pod.pod.metadata
        is_protected = False
        for i, budget in enumerate(budgets):
            if (
                metadata.labels
                and budget.metadata.namespace == metadata.namespace
                and not selectors[i].empty
                and selectors[i].matches(metadata.labels)
                and metadata.name not in budget.status.disrupted_pods
            ):
                room[i] -= 1
                is_protected = is_protected or room[i] < 0
        (protected if is_protected else others).append(pod)
    return protected, others


def _importance(pod: PodInfo) -> tuple[int, datetime]:
    """The smaller is the more important: of a higher priority, or started before."""
    return -pod.priority, pod.pod.status.start_time or _EVER


def _highest(one: Candidate) -> int:
    return one.victims[0].priority if one.victims else _LEAST_PRIORITY


def _youth(one: Candidate) -> float:
    """The later the first of the most important ones started, the smaller."""
    highest = [pod for pod in one.victims if pod.priority == _highest(one)]
    began = min((pod.pod.status.start_time or _EVER for pod in highest), default=_EVER)
    return -began.timestamp()


_LOSSES: Final[tuple[Callable[[Candidate], float], ...]] = (
    lambda one: one.violations,
    _highest,
    lambda one: sum(pod.priority - _LEAST_PRIORITY for pod in one.victims),
    lambda one: len(one.victims),
    _youth,
)
_NO_VICTIMS: Final = Status(("No preemption victims found for incoming pod",), unresolvable=True)
