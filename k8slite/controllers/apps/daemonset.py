"""Keeps one pod of a DaemonSet on each node that it is for (upstream: `pkg/controller/daemon`).

One reconcile either gives nodes what they lack and takes away what is too many, or, where nothing
of that is left to do, replaces old pods.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final

from k8slite.client.informer import unheard
from k8slite.client.resource import CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS
from k8slite.controllers.apps.daemonset_failures import FailedPods
from k8slite.controllers.apps.daemonset_nodes import fitness_of, new_pod
from k8slite.controllers.apps.daemonset_plan import Placement, Plan, by_node
from k8slite.controllers.apps.daemonset_status import LEFT_OUT, counted
from k8slite.controllers.apps.history import REVISION_HASH, History, Revision, revision_keys
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.ownership import Departed, Owner, claim, index_by_controller, owner_keys
from k8slite.controllers.pod_availability import available_in_seconds
from k8slite.controllers.pod_control import PodControl, at_once, regarding
from k8slite.kinds.apps.models import ControllerRevision, DaemonSet
from k8slite.kinds.core.models import Node, Pod
from k8slite.kinds.models import Model
from k8slite.objects.meta import Name
from k8slite.objects.selectors import Selector, selector_of

Json = dict[str, Any]

BURST_PODS: Final = 250  # made, or taken away, in one reconcile (upstream's BurstReplicas)
# A change of a pod is looked at after this time for each node, so that a large set does not look
# at all of its nodes for each of its pods. Up to FEW_NODES it is looked at immediately.
GATHER_SECONDS: Final = 0.00005
FEW_NODES: Final = 100


class DaemonSetController(Controller):
    """Its keys are the names of DaemonSets."""

    name: ClassVar[str] = "daemonset-controller"
    workers: ClassVar[int] = 2

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._sets = self.mirrors.of(DAEMON_SETS, DaemonSet)
        self._pods = self.mirrors.of(PODS, Pod)
        self._nodes = self.mirrors.of(NODES, Node)
        self._revisions = self.mirrors.of(CONTROLLER_REVISIONS, ControllerRevision)
        index_by_controller(self._pods)
        index_by_controller(self._revisions)
        self._pod_keys = owner_keys(self._sets, _selector)
        self._pod_control = PodControl(self.client, self.recorder)
        self._departed = Departed()
        self._failed = FailedPods(self.world)
        self.watch(self._sets, self._own_key)
        self.watch(self._pods, self._keys_of_pod)
        self.watch(self._nodes, self._keys_of_node, beat=unheard)
        self.watch(self._revisions, revision_keys(DAEMON_SETS.kind))

    async def reconcile(self, name: Name) -> float | None:
        daemon_set, document = self._sets.get(name), self._sets.document(name)
        if daemon_set is None or document is None:
            return None
        metadata = daemon_set.metadata
        if metadata.uid in self._departed:
            return None
        owner, selector = Owner(DAEMON_SETS, metadata), _selector(daemon_set)
        if selector.empty:
            message = "This daemon set is selecting all pods. A non-empty selector is required."
            self.recorder.event(regarding(owner), "Warning", "SelectingAll", message)
            return None
        if metadata.deletion_timestamp is not None:
            return None  # what it owned may be gone already, or somebody else's
        history = History(self.client, self._revisions, owner, REVISION_HASH, metadata.annotations)
        revisions = await history.revisions(selector)
        current = await self._current(daemon_set, document, history, revisions)
        pods = await claim(self.client, self._pods, owner, selector)
        if await self._join(history, current, revisions, pods):
            return None  # what has changed leads here again
        placement = self._placement(daemon_set, current, pods)
        try:
            wait = await self._act(placement, document, owner)
        finally:
            await self._write_status(placement, document)
        await self._forget(daemon_set, history, current, revisions, pods)
        return min((one for one in (wait, _wait(placement, pods)) if one), default=None)

    # Revisions

    async def _current(
        self,
        daemon_set: DaemonSet,
        document: Json,
        history: History,
        revisions: Sequence[Revision],
    ) -> Revision:
        known = daemon_set.status.collision_count
        template = document["spec"]["template"]
        current, collisions = await history.current(template, revisions, known or 0)
        if collisions != (known or 0):
            await self._patch_status(daemon_set, {"collisionCount": collisions})
        return current

    async def _join(
        self,
        history: History,
        current: Revision,
        revisions: Iterable[Revision],
        pods: Iterable[Pod],
    ) -> bool:
        """Make one of several revisions that hold the current template (upstream:
        `dedupCurHistories`); whether there were several."""
        same = [one for one in revisions if one.data == current.data and one.name != current.name]
        labels = [_hash(one) for one in same]
        for pod in pods:
            if pod.metadata.labels.get(REVISION_HASH) in labels:
                patch = {
                    "metadata": {
                        "uid": pod.metadata.uid,
                        "labels": {REVISION_HASH: _hash(current)},
                    }
                }
                metadata = pod.metadata
                await self.client.patch(PODS, metadata.name, patch, metadata.namespace)
        await history.forget(same)
        return bool(same)

    async def _forget(
        self,
        daemon_set: DaemonSet,
        history: History,
        current: Revision,
        revisions: Sequence[Revision],
        pods: Iterable[Pod],
    ) -> None:
        old = [one for one in revisions if one.data != current.data]
        surplus = len(old) - daemon_set.spec.revision_history_limit
        live = [pod.metadata.labels.get(REVISION_HASH) for pod in pods]
        unused = [one for one in old if _hash(one) not in live]
        await history.forget(unused[: max(0, surplus)])

    # Pods

    def _placement(
        self, daemon_set: DaemonSet, current: Revision, pods: Iterable[Pod]
    ) -> Placement:
        judge = fitness_of(daemon_set)
        nodes = self._nodes.all()
        return Placement(
            daemon_set,
            nodes,
            {node.metadata.name: judge(node) for node in nodes},
            by_node(pods),
            _hash(current),
            self.world.now(),
        )

    async def _act(self, placement: Placement, document: Json, owner: Owner) -> float | None:
        """Do what is due; in how many seconds a failed pod may be taken away, if one waits."""
        plan = placement.managed()
        wait = self._ended(plan, placement.daemon_set, owner)
        if not plan.nodes and not plan.pods:
            if placement.daemon_set.spec.update_strategy.type != "RollingUpdate":
                return wait
            plan = placement.rolled()
        about = regarding(owner)
        made = [
            new_pod(document, owner, placement.hashed, node) for node in plan.nodes[:BURST_PODS]
        ]
        _, failure = await self._pod_control.create(made, about)

        async def delete(pod: Pod) -> None:
            await self._pod_control.delete(pod.metadata, about)

        await at_once(plan.pods[:BURST_PODS], delete)
        if failure is not None:
            raise failure
        return wait

    def _ended(self, plan: Plan, daemon_set: DaemonSet, owner: Owner) -> float | None:
        """Have pods that have ended taken away; failed ones not too often, so that set and
        kubelet do not chase each other. In how many seconds the next one is due."""
        waits = []
        for node, pod in plan.ended:
            name = pod.metadata.full_name
            if pod.status.phase == "Failed":
                key = (daemon_set.metadata.uid, daemon_set.status.observed_generation, node)
                wait_seconds = self._failed.wait_seconds(key)
                if wait_seconds:
                    waits.append(wait_seconds)
                    continue
                self._failed.noted(key)
                message = f"Found failed daemon pod {name} on node {node}, will try to kill it"
                self.recorder.event(regarding(owner), "Warning", "FailedDaemonPod", message)
            else:
                message = f"Found succeeded daemon pod {name} on node {node}, will try to delete it"
                self.recorder.event(regarding(owner), "Normal", "SucceededDaemonPod", message)
            plan.pods.append(pod)
        return min(waits, default=None)

    # The status

    async def _write_status(self, placement: Placement, document: Json) -> None:
        old: Json = document.get("status") or {}
        wanted = counted(placement)
        if any(old.get(key, 0) != value for key, value in wanted.items()):
            shown = {k: v if v or k not in LEFT_OUT else None for k, v in wanted.items()}
            await self._patch_status(placement.daemon_set, shown)

    async def _patch_status(self, daemon_set: DaemonSet, status: Json) -> None:
        metadata = daemon_set.metadata
        patch = {"metadata": {"uid": metadata.uid}, "status": status}
        with self._departed.noticed(metadata):
            await self.client.patch(
                DAEMON_SETS, metadata.name, patch, metadata.namespace, subresource="status"
            )

    # Keys

    def _own_key(self, old: DaemonSet | None, new: DaemonSet | None) -> Iterable[Name]:
        found = new or old
        assert found is not None, "a change is of something"
        if new is None:
            self._departed.forget(found.metadata.uid)
        return (found.metadata.full_name,)

    def _keys_of_pod(self, old: Model | None, new: Model | None) -> Iterator[Name]:
        many = len(self._nodes)
        for key in self._pod_keys(old, new):
            if many > FEW_NODES and old is not None and new is not None:
                self.queue.add_after(key, many * GATHER_SECONDS)
            else:
                yield key

    def _keys_of_node(self, old: Node | None, new: Node | None) -> Iterator[Name]:
        """The sets to which a node is something else now."""
        if old is not None and new is not None and _relevant(old) == _relevant(new):
            return
        for daemon_set in self._sets.all():
            judge = fitness_of(daemon_set)
            before = judge(old) if old is not None else None
            after = judge(new) if new is not None else None
            if before != after:
                yield daemon_set.metadata.full_name


def _selector(daemon_set: DaemonSet) -> Selector:
    return selector_of(daemon_set.spec.selector)


def _hash(revision: Revision) -> str:
    """What a revision's pods are labelled with."""
    return revision.labels.get(REVISION_HASH) or revision.name


def _relevant(node: Node) -> tuple[object, ...]:
    return (node.metadata.uid, node.metadata.labels, node.spec.taints)


def _wait(placement: Placement, pods: Iterable[Pod]) -> float | None:
    """In how many seconds time alone makes a pod available."""
    seconds = placement.daemon_set.spec.min_ready_seconds
    waits = [available_in_seconds(pod, seconds, placement.now) for pod in pods]
    return min((one for one in waits if one), default=None)
