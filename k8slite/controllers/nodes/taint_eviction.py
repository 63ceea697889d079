"""Pods leave nodes with NoExecute taints: at once, or when their toleration ends.

Upstream: `pkg/controller/tainteviction`. The time that a toleration grants runs from when this
controller first saw the pod under the taint. Before a pod is deleted, both it and its node are read
anew: nobody is evicted for a taint that is gone already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

import trio
from attrs import define

from k8slite.client.informer import unheard
from k8slite.client.recorder import Reference
from k8slite.client.resource import NODES, PODS
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.pod_disruption import disrupt
from k8slite.kinds.core.models import Node, Pod, Taint, Toleration
from k8slite.kinds.core.node_matching import tolerates
from k8slite.objects.errors import NotFound
from k8slite.objects.measures import Counter, Family, Histogram
from k8slite.objects.meta import Name
from k8slite.objects.structure import structure

FOREVER: Final = float("inf")
_BY_NODE: Final = "spec.nodeName"


class TaintEvictionController(Controller):
    """Deletes pods that do not tolerate their node's NoExecute taints, or not any longer."""

    name: ClassVar[str] = "taint-eviction-controller"
    workers: ClassVar[int] = 8

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._nodes = self.mirrors.of(NODES, Node)
        self._pods = self.mirrors.of(PODS, Pod)
        self._pods.add_index(_BY_NODE, lambda pod: (pod.spec.node_name,))
        self._scheduled: dict[Name, _Eviction] = {}
        self._deleted = Counter(
            "taint_eviction_controller_pod_deletions_total",
            "[ALPHA] Total number of Pods deleted by TaintEvictionController since its start.",
        )
        self._delays = Histogram(
            "taint_eviction_controller_pod_deletion_duration_seconds",
            "[ALPHA] Latency, in seconds, between the time when a taint effect has been activated "
            "for the Pod and its deletion via TaintEvictionController.",
            (0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240),
        )
        self.watch(self._nodes, self._of_node, beat=unheard)
        self.watch(self._pods, self._of_pod)

    def measures(self) -> Iterable[Family]:
        """How many pods had to go, and how late they did."""
        return (self._deleted, self._delays)

    async def reconcile(self, name: Name) -> None:
        """Evict a pod, or find out when."""
        pod = self._pods.get(name)
        eviction = self._scheduled.get(name)
        if pod is None or (eviction is not None and eviction.uid != pod.metadata.uid):
            self._scheduled.pop(name, None)
            eviction = None
        if pod is None or pod.metadata.deletion_timestamp is not None or not pod.spec.node_name:
            self._scheduled.pop(name, None)
            return
        node = self._nodes.get(Name("", pod.spec.node_name))
        seconds = toleration_seconds(_executing(node), pod.spec.tolerations)
        if seconds == FOREVER:
            if self._scheduled.pop(name, None) is not None:
                self._tell(pod, f"Cancelling deletion of Pod {name}")
            return
        now = trio.current_time()
        if eviction is None:
            eviction = self._scheduled[name] = _Eviction(pod.metadata.uid, now)
        due = eviction.start_time + seconds
        if now < due:
            self.queue.add_after(name, due - now)
            return
        if await self._still_due(pod, eviction):
            await self._evict(name, pod)
            self._delays.observe(trio.current_time() - due)
            self._scheduled.pop(name, None)

    async def _still_due(self, pod: Pod, eviction: _Eviction) -> bool:
        """Whether the node's taints are, read now, what the mirror says."""
        try:
            node = structure(await self.client.get(NODES, pod.spec.node_name), Node)
        except NotFound:
            return False  # the pod garbage collector's business
        seconds = toleration_seconds(_executing(node), pod.spec.tolerations)
        return eviction.start_time + seconds <= trio.current_time()

    async def _evict(self, name: Name, pod: Pod) -> None:
        evicted = await disrupt(
            self.client,
            pod.metadata,
            "DeletionByTaintManager",
            "Taint manager: deleting due to NoExecute taint",
            self.world.now(),
            lambda: self._tell(pod, f"Marking for deletion Pod {name}"),
        )
        if evicted:
            self._deleted.add()

    def _tell(self, pod: Pod, message: str) -> None:
        regarding = Reference("v1", "Pod", pod.metadata)
        self.recorder.event(regarding, "Normal", "TaintManagerEviction", message)

    def _of_node(self, old: Node | None, new: Node | None) -> Iterable[Name]:
        """The pods of a node whose NoExecute taints have changed."""
        node = new or old
        if node is None or _executing(old) == _executing(new):
            return ()
        pods = self._pods.indexed(_BY_NODE, node.metadata.name)
        return [pod.metadata.full_name for pod in pods]

    def _of_pod(self, old: Pod | None, new: Pod | None) -> Iterable[Name]:
        """A pod that has come to a tainted node, or tolerates something else, or has gone."""
        pod = new or old
        assert pod is not None
        if new is not None and old is not None and _relevant(old) == _relevant(new):
            return ()
        name = pod.metadata.full_name
        tainted = _executing(self._nodes.get(Name("", pod.spec.node_name)))
        return (name,) if tainted or name in self._scheduled else ()


def toleration_seconds(taints: Sequence[Taint], tolerations: Sequence[Toleration]) -> float:
    """How long a pod may stay under taints: 0 if it does not tolerate one, FOREVER if for ever.

    Of the tolerations that match, the first for each taint counts, and of those the shortest.
    """
    shortest = FOREVER
    for taint in taints:
        matching = next((one for one in tolerations if tolerates(one, taint)), None)
        if matching is None:
            return 0.0
        if matching.toleration_seconds is not None:
            shortest = min(shortest, max(0.0, matching.toleration_seconds))
    return shortest


@define
class _Eviction:
    """A pod under taints that it tolerates for a while."""

    uid: str
    start_time: float  # trio's, when it was first seen under them


def _executing(node: Node | None) -> list[Taint]:
    return [taint for taint in node.spec.taints if taint.effect == "NoExecute"] if node else []


def _relevant(pod: Pod) -> tuple[object, ...]:
    return (
        pod.metadata.uid,
        pod.spec.node_name,
        pod.spec.tolerations,
        pod.metadata.deletion_timestamp is None,
    )
