"""The scheduler: one pod after the other gets its node (upstream: kube-scheduler).

    mirrors -> snapshot, queue -> next pod -> decision -> assumed -> writers -> API -> mirrors ...

A decision never waits; what it leads to is written by a few writers side by side. When the actor
is started again, everything is built anew from the mirrors: nothing but the API's state counts.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import trio

from k8slite.client.client import Client
from k8slite.client.informer import Mirror, unheard
from k8slite.client.mirrors import Mirrors
from k8slite.client.resource import NAMESPACES, NODES, PODS, Resource
from k8slite.kinds.core.models import Node, Pod
from k8slite.kinds.models import PartialObject
from k8slite.objects.meta import Name
from k8slite.scheduler.binding import Binding, Outcome, Telling, Writer, telling
from k8slite.scheduler.configuration import Configuration
from k8slite.scheduler.diagnosis import Diagnosis
from k8slite.scheduler.events import Events
from k8slite.scheduler.extender import Reach, extender_of
from k8slite.scheduler.extending import Extending
from k8slite.scheduler.framework import Framework
from k8slite.scheduler.measures import FAILED, SCHEDULED, UNSCHEDULABLE, Measures
from k8slite.scheduler.plugin import CycleFailed, Preemption, Setting
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.profiles import frameworks_of
from k8slite.scheduler.queue import Place, Queued, SchedulingQueue
from k8slite.scheduler.retries import Retries
from k8slite.scheduler.snapshot import Snapshot, bound
from k8slite.scheduler.view import NEWEST_MINOR, View, models
from k8slite.world import World

log = logging.getLogger(__name__)

WRITERS: Final = 16  # writes on their way at once: they share the journal's commits
WRITES_QUEUED_MOST: Final = 32  # decided and not yet on their way; then decisions wait
DECISIONS_AT_ONCE: Final = 16  # before all other actors get their turn
GATED_MESSAGE: Final = "Scheduling is blocked due to non-empty scheduling gates"


class Scheduler:
    """Schedules the pods whose spec.schedulerName is one of its profiles; an Actor."""

    def __init__(
        self,
        client: Client,
        world: World,
        configuration: Configuration | None = None,
        reach: Reach | None = None,
        *,
        minor: int = NEWEST_MINOR,
    ) -> None:
        """Without a configuration there is the default profile alone; `reach` leads to extenders;
        `minor` is of the version that the API speaks.

        Raises BadConfiguration, ImportError, and what plugins raise for their arguments.
        """
        self._reach, self.measured = reach, Measures()
        self._configuration = configuration or Configuration()
        self.name = self._configuration.profiles[0].scheduler_name
        self._client = client
        self._world = world
        self._minor = minor
        self._begin()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Schedule for ever; started when the mirrors have synced."""
        self._begin()
        writes, taken = trio.open_memory_channel[Binding | Telling](WRITES_QUEUED_MOST)
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await nursery.start(self._mirrors.run)
            nursery.start_soon(self._events.run)
            nursery.start_soon(self._queue.run)
            for _ in range(WRITERS):
                nursery.start_soon(self._write, taken)
            task_status.started()
            await self._schedule(writes)

    def _begin(self) -> None:
        """Know nothing."""
        chance = self._world.chance
        self._snapshot = Snapshot()
        self._view = View()
        self._mirrors = Mirrors(self._client, self._world, f"{self.name} mirrors")
        self._pods: Mirror[Pod] = self._mirrors.of(PODS, Pod)
        nodes = self._mirrors.of(NODES, Node)
        setting = Setting(self._snapshot, chance, self._view)
        configuration = self._configuration
        self._frameworks = frameworks_of(configuration, setting)
        self._queue = SchedulingQueue(
            lambda pod: self._framework(pod).gated(pod),
            lambda pod, since: self._framework(pod).sort_key(pod, since),
            back_off_seconds=configuration.initial_back_off_seconds,
            back_off_most_seconds=configuration.most_back_off_seconds,
        )
        self.measured.places = self._queue.places
        self._extending = Extending(
            [extender_of(one, self._reach) for one in configuration.extenders],
            self._snapshot,
            chance,
            self._pods,
            nodes,
        )
        self._events = Events(self._client, self._world, self._frameworks)
        self._writer = Writer(self._client, self._world)
        self._retries = Retries(self._snapshot, self._queue, self._framework)
        self._improve = self._retries.improve
        self._gated: dict[Name, Queued] = {}  # pods that may have to be told so
        for resource, model in models(self._minor):
            self._mirrors.of(resource, model).subscribe(partial(self._on_other, resource))
        self._mirrors.of(NAMESPACES, PartialObject).subscribe(self._on_namespace)
        nodes.subscribe(self._on_node, beat=unheard)
        self._pods.subscribe(self._on_pod)

    def _framework(self, pod: PodInfo) -> Framework:
        return self._frameworks[pod.pod.spec.scheduler_name]

    def mirrored(self) -> Sequence[Mirror[Any]]:
        """What it goes by."""
        return self._mirrors.mirrored()

    # What the mirrors tell

    def _on_node(self, old: Node | None, new: Node | None) -> None:
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            self._snapshot.remove_node(old.metadata.name)
        if new is None:
            return
        try:
            changed = self._snapshot.put_node(new)
        except ValueError:
            log.exception("node %s is left out", new.metadata.name)
            self._snapshot.remove_node(new.metadata.name)
            return
        if changed:
            self._improve(new.metadata.name)

    def _on_namespace(self, old: PartialObject | None, new: PartialObject | None) -> None:
        known = new or old
        assert known is not None, "a change is of something"
        self._snapshot.put_namespace(
            known.metadata.name, new.metadata.labels if new is not None else None
        )

    def _on_other(self, resource: Resource, old: Any, new: Any) -> None:
        try:
            if self._view.put(resource, old, new):
                self._retries.happen(resource, old, new)
        except ValueError:
            log.exception("%s %s is left out", resource.kind, (new or old).metadata.full_name)

    def _on_pod(self, old: Pod | None, new: Pod | None) -> None:
        if any(one is not None and one.spec.node_name for one in (old, new)):
            self._retries.happen(PODS, old, new)
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            self._leave(old)
            self._improve(self._snapshot.remove_pod(old.metadata.uid))
        if new is None:
            return
        try:
            self._put_pod(new)
            if new.spec.scheduler_name in self._frameworks and not bound(new):
                self._take_nomination(old, new)
        except ValueError:
            log.exception("pod %s is left out", new.metadata.full_name)

    def _put_pod(self, pod: Pod) -> None:
        if pod.terminal:
            self._leave(pod)
            self._improve(self._snapshot.remove_pod(pod.metadata.uid))
        elif bound(pod):
            self._leave(pod)
            self._improve(self._snapshot.put_pod(pod))
            self._retries.move()
        elif pod.spec.scheduler_name in self._frameworks and not self._snapshot.place(
            pod.metadata.uid
        ):
            info = PodInfo.of(pod)
            known = self._queue.get(info.name)
            changed = known is None or known.info.signature != info.signature
            self._queue.put(info, changed=changed)
            waiting = self._queue.get(info.name)
            if waiting is not None and waiting.place is Place.GATED:
                self._gated[info.name] = waiting
                self._queue.wake()

    def _take_nomination(self, old: Pod | None, new: Pod) -> None:
        """What the status says counts if it has changed: what we write comes back later."""
        uid, now = new.metadata.uid, new.status.nominated_node_name
        before = ""
        if old is not None and old.metadata.uid == uid:
            before = old.status.nominated_node_name
        waiting = self._queue.get(new.metadata.full_name)
        if now == before or new.terminal or waiting is None:
            return
        left = self._snapshot.nomination(uid)
        self._snapshot.nominate(uid, waiting.info, now)
        self._improve(left)

    def _leave(self, pod: Pod) -> None:
        """A pod needs no node from us any more."""
        left = self._snapshot.nomination(pod.metadata.uid)
        self._snapshot.nominate(pod.metadata.uid, None, "")
        self._improve(left)
        waiting = self._queue.get(pod.metadata.full_name)
        if waiting is not None and waiting.info.uid == pod.metadata.uid:
            self._queue.remove(pod.metadata.full_name)

    # The loop

    async def _schedule(self, writes: trio.MemorySendChannel[Binding | Telling]) -> None:
        """Decide about one pod after the other."""
        decided = 0
        while True:
            self._retries.reconsider()
            if self._gated:
                _, gated = self._gated.popitem()
                write: Binding | Telling | None = self._told_gated(gated)
            elif (queued := self._queue.pop()) is not None:
                write = await self._decide(queued)
            else:
                await self._queue.woken()
                continue
            if write is not None:
                try:
                    writes.send_nowait(write)
                except trio.WouldBlock:
                    await writes.send(write)
            decided += 1
            if decided % DECISIONS_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()

    async def _decide(self, queued: Queued) -> Binding | Telling | None:
        """Find a node for a pod and count the pod there; returns what is to be written."""
        info = queued.info
        if info.pod.metadata.deletion_timestamp is not None:
            message = f"skip schedule deleting pod: {info.name}"
            self._events.tell(info, "Warning", "FailedScheduling", message)
            return None
        framework = self._framework(info)
        try:
            if self._extending.interested(info):
                found = await self._extending.decide(framework, info)
                if self._snapshot.place(info.uid) or self._pods.get(info.name) is None:
                    return None  # it was bound, or has gone, meanwhile
            else:
                found = framework.decide(info)
            self.measured.decided(queued)
            if isinstance(found, Diagnosis):
                return self._refuse(queued, found)
            if (status := framework.reserve(info, found)) is not None:
                return self._refuse(queued, Diagnosis(1, (status,), waits_for_anything=True))
        except CycleFailed as failure:
            return self._fail(queued, str(failure))
        left = self._snapshot.nomination(info.uid)
        self._snapshot.assume(info, found)
        self._retries.move()
        if left != found.name:
            self._improve(left)
        binding = Binding(queued, found.name, framework, self._extending.binder(info))
        if framework.may_wait(info, found.name):
            # What waits for others must not keep bindings back that could be made.
            self._nursery.start_soon(self._bind_in_time, binding)
            return None
        return binding

    def _fail(self, queued: Queued, message: str) -> Telling | None:
        self.measured.ended(queued, FAILED)
        self._queue.put_back(queued)
        self._events.tell(queued.info, "Warning", "FailedScheduling", message)
        return self._telling(queued, "SchedulerError", message)

    def _refuse(self, queued: Queued, diagnosis: Diagnosis) -> Telling | None:
        self.measured.ended(queued, UNSCHEDULABLE)
        message, after = diagnosis.message, diagnosis.after
        queued.waits_for_pods = diagnosis.waits_for_pods
        queued.waits_for_anything = diagnosis.waits_for_anything
        queued.refused_by = diagnosis.refused_by
        self._queue.put_unschedulable(queued)
        self._events.tell(queued.info, "Warning", "FailedScheduling", message)
        uid = queued.info.uid
        if after.carry_out is not None:
            self._nursery.start_soon(self._writer.carry_out, queued.info, after.carry_out)
        if after.preemption is not None:
            self._preempt(queued.info, after.preemption)
        elif after.gives_up_nomination:
            left = self._snapshot.nomination(uid)
            self._snapshot.nominate(uid, None, "")
            self._improve(left)
        return self._telling(queued, "Unschedulable", message)

    def _preempt(self, info: PodInfo, preemption: Preemption) -> None:
        """Keep a node's room for a pod, and have others leave it."""
        left = self._snapshot.nomination(info.uid)
        self._snapshot.nominate(info.uid, info, preemption.node_name)
        if left != preemption.node_name:
            self._improve(left)
        self.measured.preempts(len(preemption.victims))
        self._retries.preempting[info.uid] = None
        for victim in preemption.victims:
            self._snapshot.condemned[victim.uid] = None
        self._nursery.start_soon(self._carry_out, info, preemption)

    # What is written

    async def _carry_out(self, info: PodInfo, preemption: Preemption) -> None:
        """Tell the victims of a preemption to go, all at once."""
        async with trio.open_nursery() as nursery:
            for victim in preemption.victims:
                nursery.start_soon(self._evict, victim, info, preemption.node_name)
            for outranked in preemption.outranked:
                self._snapshot.nominate(outranked.uid, None, "")
                nursery.start_soon(self._writer.give_up_nomination, outranked)
        self._retries.preempting.pop(info.uid, None)
        self._improve(preemption.node_name)

    async def _evict(self, victim: PodInfo, by: PodInfo, node_name: str) -> None:
        if await self._writer.evict(victim, by):
            message = f"Preempted by pod {by.uid} on node {node_name}"
            self._events.tell(victim, "Normal", "Preempted", message)
        else:
            self._snapshot.condemned.pop(victim.uid, None)

    def _telling(self, queued: Queued, reason: str, message: str) -> Telling | None:
        return telling(queued, reason, message, self._snapshot.nomination(queued.info.uid))

    def _told_gated(self, queued: Queued) -> Telling | None:
        # Whoever else keeps a pod back says nothing, as upstream.
        if queued.place is not Place.GATED or not queued.info.pod.spec.scheduling_gates:
            return None
        return self._telling(queued, "SchedulingGated", GATED_MESSAGE)

    async def _write(self, taken: trio.MemoryReceiveChannel[Binding | Telling]) -> None:
        """One writer's life."""
        while True:
            write = await taken.receive()
            if isinstance(write, Telling):
                await self._writer.tell(write)
            else:
                await self._finish(write, await self._writer.bind(write))

    async def _bind_in_time(self, binding: Binding) -> None:
        """Bind when what must be done first has been done."""
        status = await self._writer.prepare(binding)
        if status is None:
            await self._finish(binding, await self._writer.bind(binding))
            return
        info = binding.queued.info
        self._events.tell(info, "Warning", "FailedScheduling", ", ".join(status.reasons))
        await self._finish(binding, Outcome.REFUSED)

    async def _finish(self, binding: Binding, outcome: Outcome) -> None:
        """A binding is certain: until the watch shows it the pod stays assumed, or it is not."""
        queued, node_name = binding.queued, binding.node_name
        info = queued.info
        self.measured.ended(queued, SCHEDULED if outcome is Outcome.BOUND else FAILED)
        if outcome is Outcome.BOUND:
            binding.framework.after_binding(info, node_name)
            self._events.tell(
                info, "Normal", "Scheduled", f"Successfully assigned {info.name} to {node_name}"
            )
            return
        binding.framework.unreserve(info, node_name)
        await self._writer.give_back(binding)
        self._improve(self._snapshot.forget(info.uid))
        pod = self._pods.get(info.name)
        if outcome is not Outcome.REFUSED or pod is None or pod.metadata.uid != info.uid:
            return
        if not pod.terminal and not pod.spec.node_name:
            queued.info = PodInfo.of(pod)
            self._queue.put_back(queued)
