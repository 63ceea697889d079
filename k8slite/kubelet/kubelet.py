"""Many nodes in one actor: one watch of pods, one heap of timers, a few tasks that write.

Nothing here costs a task per node or per pod. Pods of other nodes are left alone. The address of a
pod comes from its node's podCIDR, which the node-ipam controller gives: pods wait for it. A fleet
that starts again on the same API takes up its nodes and pods as they are: containers that were
running go on (see `pod_worker`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import trio

from k8slite.client.client import Client
from k8slite.client.informer import Mirror
from k8slite.client.recorder import QUEUED_MOST, Recorder, Reference
from k8slite.client.resource import NODES, PODS
from k8slite.kinds.core.models import Node
from k8slite.kubelet.addresses import LastAddresses
from k8slite.kubelet.admission import refusal
from k8slite.kubelet.claims import Preparation
from k8slite.kubelet.heartbeat import Heartbeat
from k8slite.kubelet.host import Host
from k8slite.kubelet.node import NodeShape, alike, tells_generation
from k8slite.kubelet.node_addresses import NodeAddresses
from k8slite.kubelet.node_pods import NodePods, PodTask
from k8slite.kubelet.pod import Container, Pod, field_of
from k8slite.kubelet.pod_worker import PodWorker
from k8slite.kubelet.pulse import Pulses
from k8slite.kubelet.routes import Routes
from k8slite.kubelet.runtimes.fake import FakeRuntime
from k8slite.kubelet.runtimes.runtime import Report, Runtime
from k8slite.kubelet.server import KubeletServer
from k8slite.kubelet.surroundings import Surrounding
from k8slite.kubelet.timers import Timers
from k8slite.kubelet.writing import PodWrite, Writers
from k8slite.objects.meta import Name
from k8slite.world import World

Json = dict[str, Any]

# Events that wait to be written: QUEUED_MOST a node, but never more than this for all of them.
EVENTS_QUEUED_MOST: Final = 10_000


class NodeFleet:
    """The kubelets of many nodes; an Actor. `server` is what their port 10250 answers.

    `runtime` is made by the fleet itself, pretending, unless one is given.
    """

    def __init__(
        self,
        client: Client,
        world: World,
        nodes: int | Sequence[NodeShape],
        *,
        kubernetes_version: str = "v1.37.0",
        name_prefix: str = "node-",
        timers: Timers | None = None,
        runtime: Runtime | None = None,
        last_addresses: LastAddresses | None = None,
    ) -> None:
        self.name = "kubelet"
        shapes = nodes if not isinstance(nodes, int) else alike(nodes, name_prefix)
        self._client = client
        self._world = world
        self._version = kubernetes_version
        self._timers = timers or Timers(world)
        self.runtime: Runtime = runtime or FakeRuntime(self._timers)
        self.runtime.attach(self._reported)
        self._addresses = NodeAddresses()
        taken = self._addresses.taken
        self.runtime.route(Routes(client, self._timers, taken, lambda: self._nodes.values()))
        self._shapes: dict[str, NodeShape] = {shape.name: shape for shape in shapes}
        self._last_addresses = last_addresses or LastAddresses()
        host = shapes[0].name if len(shapes) == 1 else ""
        queued_most = min(QUEUED_MOST * max(1, len(shapes)), EVENTS_QUEUED_MOST)
        self._recorder = Recorder(client, world, "kubelet", host, queued_most=queued_most)
        self.server = KubeletServer(
            self._find, lambda name: self._nodes.get(name), self.runtime, world
        )
        self._forget_everything()

    @property
    def node_names(self) -> list[str]:
        """The fleet's nodes."""
        return sorted(self._shapes)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be the nodes, for ever; started once all are registered and their pods taken up."""
        self._forget_everything()
        async with trio.open_nursery() as nursery:
            await nursery.start(self.runtime.run)
            await nursery.start(self._node_mirror.run)
            await nursery.start(self._pod_mirror.run)
            nursery.start_soon(self._recorder.run)
            self._addresses.seen(self._node_mirror.all())
            for shape in self._shapes.values():
                self._open(shape)
            self._running = True
            self._node_mirror.subscribe(self._node_changed, beat=self._pulses.told)
            # Addresses in use are reserved before the first new one is given.
            self._opening = True
            self._pod_mirror.subscribe(self._pod_changed)
            self._opening = False
            for node in self._nodes.values():
                node.reserve()
                self._sync_all(node)
            nursery.start_soon(self._timers.run)
            nursery.start_soon(self._writers.run)
            if self._shapes:
                await self._all_registered.wait()
            task_status.started()
            await trio.sleep_forever()

    # Nodes come, fall silent, and go

    def add_node(self, shape: NodeShape) -> None:
        """One node more, from now on or from the start. Raises ValueError for a name in use."""
        if shape.name in self._shapes:
            raise ValueError(f"the fleet has a node {shape.name}")
        self._shapes[shape.name] = shape
        if self._running:
            node = self._open(shape)
            self._node_changed(None, self._node_mirror.get(Name("", shape.name)))
            for pod in self._pod_mirror.all():
                if pod.spec.node_name == shape.name:
                    self._pod_changed(None, pod)
            self._sync_all(node)

    def remove_node(self, name: str) -> None:
        """The machine is gone and so is its Node. Raises KeyError."""
        del self._shapes[name]
        node = self._nodes.pop(name, None)
        if node is not None:
            self._pulses.remove(name)
            node.heartbeat.remove()
            for task in list(node.tasks.values()):
                self._drop(task)

    def stop_heartbeats(self, name: str) -> None:
        """The node's Lease and status are not renewed; its pods go on. Raises KeyError."""
        self._nodes[name].heartbeat.stop()

    def start_heartbeats(self, name: str) -> None:
        """They are renewed again, at once. Raises KeyError."""
        self._nodes[name].heartbeat.resume()

    def pause(self, name: str) -> None:
        """The node's kubelet does and says nothing; containers go on. Raises KeyError."""
        node = self._nodes[name]
        node.pause()
        node.heartbeat.stop()

    def resume(self, name: str) -> None:
        """The node's kubelet takes up where it left. Raises KeyError."""
        node = self._nodes[name]
        node.unpause()
        node.heartbeat.resume()
        self._sync_all(node)
        for task in list(node.tasks.values()):
            self._insist(task, task.worker.pod)

    # What happens

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        known = new or old
        node = self._nodes.get(known.metadata.name) if known is not None else None
        if node is None:
            return
        node.heartbeat.seen(new)
        cidrs: tuple[str, ...] = ()
        if new is not None and new.spec.pod_cidr:
            cidrs = new.spec.pod_cidrs or (new.spec.pod_cidr,)
        if cidrs and (node.addresses is None or node.addresses.cidrs != cidrs):
            node.addresses = self._last_addresses.open(node.host.name, cidrs)
            node.reserve()
            if not self._opening:
                self._sync_all(node)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            task = self._tasks.get(old.metadata.uid)
            if task is not None:
                self._drop(task)
        if new is None:
            return
        task = self._tasks.get(new.metadata.uid)
        if task is None:
            node = self._nodes.get(new.spec.node_name)
            if node is not None:
                self._take_up(node, new)
            return
        task.syncing = True
        task.worker.update(new, self._timers.now())
        task.syncing = False
        self._sync(task)
        self._insist(task, new)

    def _reported(self, report: Report) -> None:
        """The runtime tells what happened to a container."""
        task = self._tasks.get(report.key.pod_uid)
        if task is not None:
            task.worker.observe(report, self._timers.now())
            if not task.syncing:
                self._sync(task)

    def _take_up(self, node: NodePods, pod: Pod) -> None:
        """A pod that this kubelet sees for the first time."""
        document = self._pod_mirror.document(pod.metadata.full_name) or {}
        status: Json = document.get("status") or {}
        worker = PodWorker(pod, node.host, self.runtime, self._tell)
        write = PodWrite(self._client, worker, status)
        claims = Preparation(self._client, worker, write, self._tell)
        task = PodTask(node, worker, write, claims)
        claims.then = lambda: self._sync(task)
        self._tasks[pod.metadata.uid] = node.tasks[pod.metadata.uid] = task
        self._by_name[pod.metadata.full_name] = task
        task.syncing = True
        self._surrounding.surround(node.heartbeat.shape, worker, self._tell, claims.then)
        worker.adopt(status, self._timers.now())
        if not status.get("startTime") and pod.metadata.deletion_timestamp is None:
            refused = refusal(pod, node.others(task))
            if refused is not None:
                worker.reject(refused)
        task.syncing = False
        if not self._opening:
            self._sync(task)

    def _sync(self, task: PodTask) -> None:
        """Have the pod's worker do what is due, and write what came of it."""
        worker, node = task.worker, task.node
        if node.paused or not node.place(task, self._tell):
            return
        if not task.claims.done(self._writers):
            return
        if task.timer is not None:
            task.timer.cancel()
            task.timer = None
        task.syncing = True
        worker.sync(self._timers.now())
        task.syncing = False
        if worker.wake_at_seconds is not None:
            task.timer = self._timers.at(worker.wake_at_seconds, lambda: self._sync(task))
        if task.write.pending or task.write.due:
            self._writers.queue(task.write)
        if worker.done:
            self._release(task)

    def _release(self, task: PodTask) -> None:
        """The pod needs its address no more; another may wait for it."""
        waiting = task.node.release(task)
        if waiting is not None:
            self._sync(waiting)

    def _drop(self, task: PodTask) -> None:
        """The API has the pod no more."""
        pod = task.worker.pod
        task.write.gone = True
        if task.timer is not None:
            task.timer.cancel()
        self._tasks.pop(pod.metadata.uid, None)
        task.node.tasks.pop(pod.metadata.uid, None)
        if self._by_name.get(pod.metadata.full_name) is task:
            del self._by_name[pod.metadata.full_name]
        self.runtime.forget(pod.metadata.uid)
        self._release(task)

    def _insist(self, task: PodTask, pod: Pod) -> None:
        """Where somebody else has changed what a kubelet says, it says it again.

        Upstream: needsReconcile; the kubelet is where the truth about a pod comes from.
        """
        revision = int(pod.metadata.resource_version or 0)
        if task.node.paused or task.write.pending or revision <= task.write.revision:
            return
        said = {one["type"]: one["status"] for one in task.worker.status.get("conditions") or ()}
        found = {one.type: one.status for one in pod.status.conditions}
        same = all(found.get(type_) == status for type_, status in said.items())
        if same and pod.status.phase == task.worker.status.get("phase"):
            return
        document = self._pod_mirror.document(pod.metadata.full_name) or {}
        task.write.rebase(document.get("status") or {}, revision)
        if task.write.due:
            self._writers.queue(task.write)

    # The rest

    def _open(self, shape: NodeShape) -> NodePods:
        address = self._addresses.of(shape, self._node_mirror.get(Name("", shape.name)))
        heartbeat = Heartbeat(
            shape,
            address,
            self._client,
            self._world,
            self._writers,
            kubelet_version=self._version,
            runtime_version=f"{self.runtime.name}://{self.runtime.version}",
            registered=self._one_registered,
        )
        host = Host(shape.name, address, tells_generation(self._version))
        node = self._nodes[shape.name] = NodePods(heartbeat, host)
        heartbeat.start()
        self._pulses.add(heartbeat)
        return node

    def _one_registered(self) -> None:
        self._registered += 1
        if self._registered >= self._first_nodes:
            self._all_registered.set()

    def _sync_all(self, node: NodePods) -> None:
        for task in list(node.tasks.values()):
            self._sync(task)

    def mirrored(self) -> Sequence[Mirror[Any]]:
        """What it goes by."""
        return [self._node_mirror, self._pod_mirror]

    def _find(self, name: Name) -> PodWorker | None:
        task = self._by_name.get(name)
        return task.worker if task is not None else None

    def _tell(
        self, pod: Pod, container: Container | None, type_: str, reason: str, message: str
    ) -> None:
        path = ""
        if container is not None:
            path = f"spec.{field_of(pod.spec, container.name)}{{{container.name}}}"
        self._recorder.event(Reference("v1", "Pod", pod.metadata, path), type_, reason, message)

    def _forget_everything(self) -> None:
        """Begin with what the API knows, and nothing else."""
        self._timers.clear()
        self._writers = Writers(self._timers)
        self._pulses = Pulses(self._client, self._world, self._timers, self._writers)
        self._node_mirror = Mirror(self._client, NODES, Node, world=self._world)
        self._pod_mirror = Mirror(
            self._client, PODS, Pod, world=self._world, field_selector="spec.nodeName!="
        )
        self._surrounding = Surrounding(
            self._client, self._pod_mirror.document, self._writers, self._timers
        )
        self._nodes: dict[str, NodePods] = {}
        self._tasks: dict[str, PodTask] = {}  # by pod uid
        self._by_name: dict[Name, PodTask] = {}
        self._all_registered = trio.Event()
        self._registered, self._first_nodes = 0, len(self._shapes)
        self._opening = self._running = False
