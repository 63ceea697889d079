"""Which pods of a DaemonSet are to be made and taken away now. Pure.

Mirrors `podsShouldBeOnNode` of `daemon_controller.go` and `update.go`: first every node gets its
pod and loses what is too many; only where nothing of that is left to do, old pods are replaced,
never more than may be unavailable, or surged, at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from attrs import define, field, frozen

from k8slite.controllers.apps.daemonset_nodes import Fitness, target_of
from k8slite.controllers.apps.history import REVISION_HASH
from k8slite.controllers.pod_availability import available
from k8slite.kinds.apps.models import DaemonSet, DaemonSetRollingUpdate
from k8slite.kinds.core.models import Node, Pod
from k8slite.objects.intstr import scaled

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@define
class Plan:
    """What is to be done."""

    nodes: list[str] = field(factory=list)  # that get a pod
    pods: list[Pod] = field(factory=list)  # that go
    ended: list[tuple[str, Pod]] = field(factory=list)  # with their nodes: failed or succeeded

    def __bool__(self) -> bool:
        return bool(self.nodes or self.pods or self.ended)


@frozen
class Placement:
    """A set, its nodes and where its pods are."""

    daemon_set: DaemonSet
    nodes: Sequence[Node]
    fitness: Mapping[str, Fitness]  # by names of nodes
    pods: Mapping[str, Sequence[Pod]]  # by names of nodes, that there are or were; oldest first
    hashed: str  # the label of pods that are up to date
    now: datetime

    def managed(self) -> Plan:
        """What every node lacks, or has too much of."""
        plan = Plan()
        for node in self.nodes:
            name = node.metadata.name
            fits, pods = self.fitness[name], self.pods.get(name, ())
            if fits.runs and not pods:
                plan.nodes.append(name)
            elif fits.keeps:
                self._prune(plan, name, fits, pods)
            else:
                plan.pods += [pod for pod in pods if not leaves(pod)]
        # What was never bound, for a node that is gone, no garbage collection finds.
        for name, pods in self.pods.items():
            if name not in self.fitness:
                plan.pods += [pod for pod in pods if not pod.spec.node_name and not leaves(pod)]
        return plan

    def rolled(self) -> Plan:
        """What a rolling update does next."""
        wanted = sum(one.runs for one in self.fitness.values())
        rolling = self._rolling
        surge = scaled(rolling.max_surge, wanted, round_up=True)
        unavailable = scaled(rolling.max_unavailable, wanted, round_up=True)
        if surge:
            return self._surged(surge)
        return self._replaced(unavailable or 1)

    def up_to_date(self, pod: Pod) -> bool:
        """Whether a pod was made of the current template."""
        return bool(self.hashed) and pod.metadata.labels.get(REVISION_HASH) == self.hashed

    def available(self, pod: Pod) -> bool:
        """Whether a pod has been ready for long enough."""
        return available(pod, self.daemon_set.spec.min_ready_seconds, self.now)

    @property
    def _rolling(self) -> DaemonSetRollingUpdate:
        return self.daemon_set.spec.update_strategy.rolling_update or DaemonSetRollingUpdate()

    @property
    def _surges(self) -> bool:
        strategy = self.daemon_set.spec.update_strategy
        return strategy.type == "RollingUpdate" and bool(
            scaled(self._rolling.max_surge, 1, round_up=True)
        )

    def _prune(self, plan: Plan, node: str, fits: Fitness, pods: Sequence[Pod]) -> None:
        """Leave one pod on a node, or, while one is surged in, the old one beside it."""
        alive = [pod for pod in pods if not leaves(pod)]
        plan.ended += [(node, pod) for pod in alive if pod.terminal]
        running = [pod for pod in alive if not pod.terminal]
        if not self._surges:
            plan.pods += running[1:]
            return
        if not running:
            if fits.runs and not any(pod.terminal for pod in alive):
                plan.nodes.append(node)
            return
        new = [pod for pod in running if self.up_to_date(pod)]
        old = [pod for pod in running if not self.up_to_date(pod)]
        plan.pods += new[1:] + old[1:]
        if new and old and (not old[0].ready or self.available(new[0])):
            plan.pods.append(old[0])

    def _replaced(self, most: int) -> Plan:
        """Old pods go as long as enough nodes have one that is available."""
        plan, candidates, missing = Plan(), [], 0
        for _, pods in self._of_nodes():
            pair = self._pair(pods)
            if pair is None or (pair[0] is None) == (pair[1] is None):
                missing += 1  # the other half of the work will see to it
                continue
            new, old = pair
            if new is not None:
                missing += not self.available(new)
            elif old is not None and not self.available(old):
                plan.pods.append(old)
            elif old is not None:
                candidates.append(old)
        plan.pods += candidates[: max(0, most - missing)]
        return plan

    def _surged(self, most: int) -> Plan:
        """New pods come beside old ones; an old one goes when the new one is available."""
        plan, candidates, surged = Plan(), [], 0
        for name, pods in self._of_nodes():
            pair = self._pair(pods)
            if pair is None:
                surged += 1
                continue
            new, old = pair
            if old is None:
                continue
            if new is None:
                if not self.fitness[name].runs:
                    continue
                if self.available(old):
                    candidates.append(name)
                else:
                    plan.nodes.append(name)
            elif self.available(new):
                plan.pods.append(old)
            else:
                surged += 1
        plan.nodes += candidates[: max(0, most - surged)]
        return plan

    def _of_nodes(self) -> Iterator[tuple[str, Sequence[Pod]]]:
        """The nodes that have pods, or should."""
        for node in self.nodes:
            name = node.metadata.name
            pods = self.pods.get(name, ())
            if pods or self.fitness[name].runs:
                yield name, pods

    def _pair(self, pods: Iterable[Pod]) -> tuple[Pod | None, Pod | None] | None:
        """A node's new and its old pod; None if there are two of a sort."""
        staying = [pod for pod in pods if not leaves(pod)]
        new = [pod for pod in staying if self.up_to_date(pod)]
        old = [pod for pod in staying if not self.up_to_date(pod)]
        if len(new) > 1 or len(old) > 1:
            return None
        return (new[0] if new else None, old[0] if old else None)


def by_node(pods: Iterable[Pod]) -> dict[str, list[Pod]]:
    """Pods by the nodes that they are for; bound ones first, then the oldest."""
    found: dict[str, list[Pod]] = {}
    for pod in sorted(pods, key=_age):
        target = target_of(pod)
        if target:
            found.setdefault(target, []).append(pod)
    return found


def leaves(pod: Pod) -> bool:
    """Whether a pod is on its way out."""
    return pod.metadata.deletion_timestamp is not None


def _age(pod: Pod) -> tuple[bool, datetime, str]:
    metadata = pod.metadata
    return not pod.spec.node_name, metadata.creation_timestamp or _LONG_AGO, metadata.name
