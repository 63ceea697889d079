"""The life and death of nodes: who has fallen silent, what taints follow, what becomes of its pods.

A node is alive as long as its kubelet renews its Lease in kube-node-lease, or posts its status. One
that is silent for the grace period gets the conditions Unknown, and its pods are marked as not
ready; taints follow from conditions, the NoExecute ones at the pace that its zone allows (then the
taint eviction controller removes the pods). Upstream: `pkg/controller/nodelifecycle`.

One task watches over all nodes: a beat costs a dictionary entry, a pass a few counters.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

import trio
from attrs import define

from k8slite.client.recorder import Reference
from k8slite.client.resource import LEASES, NODES, PODS
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.nodes.node_heartbeats import Heartbeats
from k8slite.controllers.nodes.node_marks import NodeMarks, all_unknown
from k8slite.controllers.nodes.node_taints import executing, executing_key, wanted_taints
from k8slite.controllers.nodes.zone_disruption import Rates, Turn, Zones, zone_of
from k8slite.kinds.coordination.models import Lease
from k8slite.kinds.core.models import Node, Pod
from k8slite.objects.errors import NotFound
from k8slite.objects.heartbeats import LEASE_NAMESPACE
from k8slite.objects.measures import Family
from k8slite.objects.meta import Name, parse_timestamp, timestamp

log = logging.getLogger(__name__)

Json = dict[str, Any]

MONITOR_SECONDS: Final = 5.0  # --node-monitor-period
GRACE_SECONDS: Final = 50.0  # --node-monitor-grace-period
STARTUP_GRACE_SECONDS: Final = 60.0  # --node-startup-grace-period, before the first status
EXCLUDED: Final = "node.kubernetes.io/exclude-disruption"
_BY_NODE: Final = "spec.nodeName"


@define
class _Seen:
    """What is remembered of a node."""

    node: Node
    zone: str
    heartbeat_time: datetime | None = None  # of its Ready condition
    renew_time: datetime | None = None  # of its Lease
    ready: str = ""  # the status of its Ready condition
    granted: bool = False  # its zone has allowed the NoExecute taint
    counts: tuple[str, bool] | None = None  # for which zone, and whether as ready


class NodeLifecycleController(Controller):
    """Watches over nodes, and keeps their taints."""

    name: ClassVar[str] = "node-controller"
    workers: ClassVar[int] = 8

    def __init__(
        self,
        context: Context,
        *,
        monitor_seconds: float = MONITOR_SECONDS,
        grace_seconds: float = GRACE_SECONDS,
        startup_grace_seconds: float = STARTUP_GRACE_SECONDS,
        rates: Rates | None = None,
    ) -> None:
        super().__init__(context)
        self._monitor_seconds = monitor_seconds
        self._grace_seconds = grace_seconds
        self._startup_grace_seconds = startup_grace_seconds
        self._heartbeats = Heartbeats()
        self._marks = NodeMarks(self.client, self.recorder, self.world)
        self._zones = Zones(rates or Rates())
        self._seen: dict[str, _Seen] = {}
        self._renewed: dict[str, datetime] = {}  # by leases whose node has not been seen yet
        self._sooner = trio.Event()
        self._recount = True  # some node counts in another way than at the last pass
        self._pass_time = -math.inf  # of the last pass
        self._next_pass_time = math.inf  # of the one that is waited for
        self._nodes = self.mirrors.of(NODES, Node)
        self._leases = self.mirrors.of(LEASES, Lease)
        self._pods = self.mirrors.of(PODS, Pod)
        self._pods.add_index(_BY_NODE, lambda pod: (pod.spec.node_name,))
        self.watch(self._nodes, self._of_node, beat=self._told)
        self.watch(self._leases, self._of_lease, beat=self._told)
        self.watch(self._pods, self._of_pod)

    def measures(self) -> Iterable[Family]:
        """How the zones are."""
        return self._zones.families()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work on nodes, and look after all of them now and then."""
        async with trio.open_nursery() as nursery:
            await nursery.start(super().run)
            # Nobody could be heard while nobody listened.
            self._heartbeats.reset(trio.current_time())
            nursery.start_soon(self._look_after)
            task_status.started()

    async def reconcile(self, name: Name) -> None:
        """Bring a node's conditions, taints, labels and pods in line; one write at a time."""
        node, seen = self._nodes.get(name), self._seen.get(name.name)
        if node is None or seen is None:
            return
        if self._heartbeats.overdue(name.name, trio.current_time()) and not all_unknown(node):
            if await self._is_silent(name.name, seen):
                document = self._nodes.document(name)
                if document is not None:
                    await self._marks.unknown(node, document)
            return
        if await self._taint(node, seen) or await self._marks.label(node):
            return
        ready = node.condition("Ready")
        if ready is not None and ready.status == "Unknown":
            await self._marks.pods(self._pods.indexed(_BY_NODE, name.name))

    # Heartbeats

    def _of_node(self, old: Node | None, new: Node | None) -> Iterable[Name]:
        node = new or old
        assert node is not None
        name = node.metadata.name
        seen = self._seen.get(name)
        if seen is not None and (new is None or new.metadata.uid != seen.node.metadata.uid):
            self._forget(seen)
            seen = None
        if new is None:
            return ()
        if seen is None:
            self._record(new, "RegisteredNode", f"Registered Node {name} in Controller")
            renew_time = self._renewed.pop(name, None)
            seen = self._seen[name] = _Seen(
                new, zone_of(new.metadata.labels), renew_time=renew_time
            )
            self._beat(seen, since_creation=new.condition("Ready") is None)
        seen.node = new
        ready = new.condition("Ready")
        if seen.zone != zone_of(new.metadata.labels):
            self._zones.drop(seen.zone, name)
            seen.zone = zone_of(new.metadata.labels)
        heartbeat_time = ready.last_heartbeat_time if ready else None
        if heartbeat_time != seen.heartbeat_time or bool(ready) != bool(seen.ready):
            seen.heartbeat_time = heartbeat_time
            seen.ready = ready.status if ready else ""
            if ready is not None and ready.reason != "NodeStatusNeverUpdated":
                self._beat(seen)
        seen.ready = ready.status if ready else ""
        excluded = EXCLUDED in new.metadata.labels
        counts = None if excluded else (seen.zone, seen.ready == "True")
        if counts != seen.counts:
            seen.counts = counts
            self._count_anew()
        return (new.metadata.full_name,)

    def _of_lease(self, old: Lease | None, new: Lease | None) -> Iterable[Name]:
        if new is not None and new.metadata.namespace == LEASE_NAMESPACE and new.spec.renew_time:
            self._renew(new.metadata.name, new.spec.renew_time)
        return ()

    def _told(self, told: Mapping[Name, int], moment: datetime) -> None:
        """Leases of nodes were renewed, or their statuses told anew."""
        beat, now = self._heartbeats.beat, trio.current_time()
        for is_lease, name in told:
            seen = self._seen.get(name)
            if seen is not None and seen.ready:
                if is_lease:
                    seen.renew_time = moment
                else:
                    seen.heartbeat_time = moment
                beat(name, now, self._grace_seconds)
            elif is_lease:
                self._renew(name, moment)
        self._wake_in_time()

    def _of_pod(self, old: Pod | None, new: Pod | None) -> Iterable[Name]:
        """The node of a pod that has come to a node which is not there any more, so to say."""
        if new is None or not new.spec.node_name:
            return ()
        if old is not None and old.spec.node_name == new.spec.node_name:
            return ()
        seen = self._seen.get(new.spec.node_name)
        return (Name("", new.spec.node_name),) if seen and seen.ready == "Unknown" else ()

    def _renew(self, name: str, renew_time: datetime) -> None:
        seen = self._seen.get(name)
        if seen is None:
            self._renewed[name] = renew_time
        elif seen.renew_time is None or renew_time > seen.renew_time:
            seen.renew_time = renew_time
            self._beat(seen)

    def _beat(self, seen: _Seen, *, since_creation: bool = False) -> None:
        now, metadata = trio.current_time(), seen.node.metadata
        grace_seconds = self._grace_seconds
        if not seen.ready and seen.node.condition("Ready") is None:
            grace_seconds = self._startup_grace_seconds  # it has no status yet
        if since_creation and metadata.creation_timestamp is not None:
            now -= max(0.0, (self.world.now() - metadata.creation_timestamp).total_seconds())
        self._heartbeats.beat(metadata.name, now, grace_seconds)
        self._wake_in_time()

    def _forget(self, seen: _Seen) -> None:
        name = seen.node.metadata.name
        self._record(seen.node, "RemovingNode", f"Removing Node {name} from Controller")
        self._heartbeats.forget(name)
        self._zones.drop(seen.zone, name)
        del self._seen[name]
        self._count_anew()

    def _wake_in_time(self) -> None:
        if self._heartbeats.first_deadline < self._next_pass_time - self._monitor_seconds:
            self._sooner.set()

    def _count_anew(self) -> None:
        self._recount = True
        self._sooner.set()

    async def _is_silent(self, name: str, seen: _Seen) -> bool:
        """Ask for the lease itself: the watch may be what has fallen silent."""
        try:
            lease = await self.client.get(LEASES, name, LEASE_NAMESPACE)
        except NotFound:
            return True
        text = (lease.get("spec") or {}).get("renewTime")
        if text:
            self._renew(name, parse_timestamp(text))
        return self._heartbeats.overdue(name, trio.current_time())

    # The look at all nodes

    async def _look_after(self) -> None:
        while True:
            self._sooner = trio.Event()
            now = trio.current_time()
            if now >= self._due_time():
                self._pass_time = now
                self._pass(now)
            for name in self._zones.take(now):
                if name in self._seen:
                    self._seen[name].granted = True
                    self.queue.add(Name("", name))
            self._next_pass_time = self._due_time()
            with trio.move_on_at(min(self._next_pass_time, self._zones.next_time(now))):
                await self._sooner.wait()

    def _due_time(self) -> float:
        """When to pass next: after as many periods as nobody can have fallen silent in."""
        silent_seconds = self._heartbeats.first_deadline - self._pass_time
        if self._recount or silent_seconds <= self._monitor_seconds:
            return self._pass_time + self._monitor_seconds
        if math.isinf(silent_seconds):
            return math.inf
        periods = math.ceil(silent_seconds / self._monitor_seconds)
        return self._pass_time + periods * self._monitor_seconds

    def _pass(self, now: float) -> None:
        """Find who has fallen silent, and how the zones are."""
        for name in self._heartbeats.expired(now):
            self.queue.add(Name("", name))
        if not self._recount:
            return
        self._recount = False
        counts: dict[str, tuple[int, int]] = {}
        for seen in self._seen.values():
            if seen.counts is not None:
                zone, up = seen.counts
                ready, unready = counts.get(zone, (0, 0))
                counts[zone] = (ready + up, unready + (not up))
        turn = self._zones.look(counts, now)
        if turn is Turn.NONE:
            return
        log.warning("%s", turn.value)
        if turn is Turn.LIGHT:
            self._heartbeats.reset(now)
        for name, seen in self._seen.items():
            seen.granted = False
            self.queue.add(Name("", name))

    # What is written

    async def _taint(self, node: Node, seen: _Seen) -> bool:
        """Bring the taints in line with the conditions; whether that took a write."""
        name, key, there = node.metadata.name, executing_key(node), executing(node)
        if not key:
            self._zones.drop(seen.zone, name)
            seen.granted = False
        elif there:
            self._zones.drop(seen.zone, name)
        elif not seen.granted and self._zones.want(seen.zone, name, trio.current_time()):
            self._sooner.set()
        # A node that has one of the two taints changes over at once. In the dark none has any.
        due = key if (there or seen.granted) and not self._zones.dark else ""
        document = self._nodes.document(node.metadata.full_name)
        if document is None:
            return False
        before = (document.get("spec") or {}).get("taints") or []
        after = wanted_taints(node, before, due, timestamp(self.world.now()))
        if after is None:
            return False
        expected = {"resourceVersion": document["metadata"]["resourceVersion"]}
        patch = {"metadata": expected, "spec": {"taints": after or None}}
        await self.client.patch(NODES, name, patch)
        return True

    def _record(self, node: Node, reason: str, message: str) -> None:
        text = f"Node {node.metadata.name} event: {message}"
        self.recorder.event(Reference("v1", "Node", node.metadata), "Normal", reason, text)
