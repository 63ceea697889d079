"""Removes pods that nobody else will: those of vanished nodes, those that were never scheduled and
are to go, those on nodes that are out of service, and old ones when there are too many.

Upstream: `pkg/controller/podgc`. A look at all pods every 20 s finds them; what is found is judged
anew when its turn comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import trio
from attrs import frozen

from k8slite.client.client import STRATEGIC_MERGE_PATCH
from k8slite.client.informer import unheard
from k8slite.client.resource import NODES, PODS
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.core.models import Node, Pod
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name, timestamp

Json = dict[str, Any]

CHECK_SECONDS: Final = 20.0  # upstream's gcCheckPeriod
QUARANTINE_SECONDS: Final = 40.0  # a node must be missing for that long (upstream's quarantineTime)
TERMINATED_MOST: Final = 12_500  # --terminated-pod-gc-threshold
OUT_OF_SERVICE: Final = "node.kubernetes.io/out-of-service"
_LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)
_BY_NODE: Final = "spec.nodeName"
_BY_END: Final = "end"
_DELETED: Final = "deleted"
_TERMINATED: Final = "terminated"


class PodGarbageCollector(Controller):
    """Deletes, without grace, pods that have been left over."""

    name: ClassVar[str] = "pod-garbage-collector"
    workers: ClassVar[int] = 8

    def __init__(self, context: Context, *, terminated_most: int = TERMINATED_MOST) -> None:
        super().__init__(context)
        self._terminated_most = terminated_most
        self._nodes = self.mirrors.of(NODES, Node)
        self._pods = self.mirrors.of(PODS, Pod)
        self._pods.add_index(_BY_NODE, lambda pod: (pod.spec.node_name,))
        self._pods.add_index(_BY_END, _ends)
        self._missing: dict[str, float] = {}  # nodes, and when they were first missed
        self._doomed: dict[Name, _Sentence] = {}
        self.watch(self._pods, self._of_pod)
        self.watch(self._nodes, lambda old, new: (), beat=unheard)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look for leftovers now and then."""
        async with trio.open_nursery() as nursery:
            await nursery.start(super().run)
            task_status.started()
            while True:
                self._look(trio.current_time())
                await trio.sleep(CHECK_SECONDS)

    async def reconcile(self, name: Name) -> None:
        """Mark a pod that was found as failed, and delete it, if it is still what was found."""
        sentence, pod = self._doomed.get(name), self._pods.get(name)
        if sentence is None or pod is None or pod.metadata.uid != sentence.uid:
            self._doomed.pop(name, None)
            return
        if sentence.node and await self._node_exists(sentence.node):
            del self._doomed[name]
            return
        try:
            if not pod.terminal:
                await self._mark_failed(pod, sentence)
            options = {"gracePeriodSeconds": 0, "preconditions": {"uid": sentence.uid}}
            await self.client.delete(PODS, name.name, name.namespace, options)
        except NotFound:
            pass  # which is what is wanted
        self._doomed.pop(name, None)

    def _look(self, now: float) -> None:
        """Find what is left over, and queue it."""
        gone_nodes = self._gone_nodes(now)
        for node_name in gone_nodes:
            for pod in self._pods.indexed(_BY_NODE, node_name):
                self._doom(pod, node=node_name)
        for pod in self._pods.indexed(_BY_END, _DELETED):
            node_name = pod.spec.node_name
            if node_name not in gone_nodes and (not node_name or self._out_of_service(node_name)):
                self._doom(pod)
        if self._terminated_most > 0:
            terminated = self._pods.indexed(_BY_END, _TERMINATED)
            excess = len(terminated) - self._terminated_most
            if excess > 0:
                for pod in sorted(terminated, key=_age)[:excess]:
                    self._doom(pod)

    def _gone_nodes(self, now: float) -> dict[str, None]:
        """Nodes that pods are bound to, and that have been missing for long enough."""
        missed = [
            name
            for name in self._pods.index_keys(_BY_NODE)
            if name and self._nodes.get(Name("", name)) is None
        ]
        self._missing = {name: self._missing.get(name, now) for name in missed}
        return {
            name: None for name, since in self._missing.items() if now - since >= QUARANTINE_SECONDS
        }

    def _out_of_service(self, node_name: str) -> bool:
        node = self._nodes.get(Name("", node_name))
        if node is None or not any(taint.key == OUT_OF_SERVICE for taint in node.spec.taints):
            return False
        ready = node.condition("Ready")
        return ready is None or ready.status != "True"

    def _doom(self, pod: Pod, node: str = "") -> None:
        name = pod.metadata.full_name
        self._doomed[name] = _Sentence(pod.metadata.uid, node)
        self.queue.add(name)

    async def _node_exists(self, name: str) -> bool:
        """Ask the API: the mirror may not have seen a node that is new."""
        try:
            await self.client.get(NODES, name)
        except NotFound:
            return False
        return True

    async def _mark_failed(self, pod: Pod, sentence: _Sentence) -> None:
        """No kubelet is left to say so."""
        status: Json = {"phase": "Failed"}
        if sentence.node:
            status["conditions"] = [
                {
                    "type": "DisruptionTarget",
                    "status": "True",
                    "reason": "DeletionByPodGC",
                    "message": "PodGC: node no longer exists",
                    "lastTransitionTime": timestamp(self.world.now()),
                }
            ]
        await self.client.patch(
            PODS,
            pod.metadata.name,
            {"metadata": {"uid": sentence.uid}, "status": status},
            pod.metadata.namespace,
            subresource="status",
            patch_type=STRATEGIC_MERGE_PATCH,
        )

    def _of_pod(self, old: Pod | None, new: Pod | None) -> Iterable[Name]:
        if new is None and old is not None:
            self._doomed.pop(old.metadata.full_name, None)
        return ()


@frozen
class _Sentence:
    """Which pod is to go; `node` is the one that must still be missing then, or ""."""

    uid: str
    node: str


def _ends(pod: Pod) -> Iterator[str]:
    """In which ways a pod has come to its end."""
    if pod.metadata.deletion_timestamp is not None:
        yield _DELETED
    if pod.terminal:
        yield _TERMINATED


def _age(pod: Pod) -> tuple[bool, datetime, str]:
    """Evicted pods first, then the oldest."""
    evicted = pod.status.phase == "Failed" and pod.status.reason == "Evicted"
    created = pod.metadata.creation_timestamp or _LONG_AGO
    return (not evicted, created, pod.metadata.name)
