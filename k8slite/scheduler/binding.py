"""What the scheduler writes: bindings, the condition PodScheduled, the end of pods that must go.

Writes run side by side, since the API answers only after a disk has synced and many writes share
one sync. A binding whose answer was lost is sent again, to the same node, until it is known what
became of it: a pod is never given up while it may be bound.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Final

import trio
from attrs import define, frozen

from k8slite.client.client import STRATEGIC_MERGE_PATCH, Client, Json
from k8slite.client.resource import PODS
from k8slite.objects.errors import ApiError, Conflict, NotFound
from k8slite.objects.meta import timestamp
from k8slite.scheduler.extender import Extender
from k8slite.scheduler.framework import Framework
from k8slite.scheduler.plugin import Status
from k8slite.scheduler.plugins.default_preemption import REASON
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.queue import Queued
from k8slite.world import World

log = logging.getLogger(__name__)

SENDS_MOST: Final = 5  # of one binding, before it is looked up where the pod is
RETRY_SECONDS: Final = 0.1  # before a request without answer is sent again; doubles
RETRY_MOST_SECONDS: Final = 5.0


class Outcome(Enum):
    """What became of a binding."""

    BOUND = auto()
    ELSEWHERE = auto()  # on another node, or gone: not ours to schedule any more
    REFUSED = auto()  # still without a node


@frozen
class Binding:
    """A pod that has got its node."""

    queued: Queued
    node_name: str
    framework: Framework
    extender: Extender | None = None  # which binds it in the place of the plugins


@frozen
class Telling:
    """A pod whose condition PodScheduled is False, and why."""

    queued: Queued
    reason: str
    message: str
    nominated: str  # the node that the pod is nominated to, or ""
    done: trio.Event
    after: trio.Event | None  # the one before it about this pod, which must not arrive after it


def telling(queued: Queued, reason: str, message: str, nominated: str) -> Telling | None:
    """The condition to write of a pod, if it is news."""
    pod = queued.info.pod
    before = pod.condition("PodScheduled")
    said = ("", "", "")
    if before is not None:
        said = (before.status, before.reason, before.message)
    known = said == ("False", reason, message)
    if known and nominated == pod.status.nominated_node_name and queued.told == ("", ""):
        return None
    if queued.told == (message, nominated):
        return None  # the mirror is behind
    queued.told = message, nominated
    before_it, queued.telling = queued.telling, trio.Event()
    return Telling(queued, reason, message, nominated, queued.telling, before_it)


@define(eq=False)
class Writer:
    """Carries out what was decided."""

    client: Client
    world: World

    async def prepare(self, binding: Binding) -> Status | None:
        """Do what must be done before a pod is bound; why it is not to be bound now."""
        info = binding.queued.info
        try:
            return await binding.framework.prepare_binding(self.client, info, binding.node_name)
        except Exception as error:
            # Any fault on the way, or a plugin's own: the pod is tried again from the start.
            log.info("preparing %s for %s: %r", info.name, binding.node_name, error)
            return Status((f"running PreBind plugins: {error}",))

    async def bind(self, binding: Binding) -> Outcome:
        """Bind; returns when it is certain what became of it."""
        queued, node_name = binding.queued, binding.node_name
        if queued.telling is not None:
            # A condition that says "nowhere to go" must not arrive after the binding.
            await queued.telling.wait()
        pause_seconds = RETRY_SECONDS
        for _ in range(SENDS_MOST):
            try:
                if binding.extender is not None:
                    await binding.extender.bind(queued.info, node_name)
                else:
                    await binding.framework.bind(self.client, queued.info, node_name)
                return Outcome.BOUND
            except ApiError as error:
                log.info("binding %s to %s: %s", queued.info.name, node_name, error)
                if error.status_code < 500 and error.status_code != 429:
                    break
            except Exception as error:  # any fault on the way: the binding may have arrived
                log.info("binding %s to %s: %r", queued.info.name, node_name, error)
            await trio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, RETRY_MOST_SECONDS)
        found = await self._where(queued.info)
        if found is None or (found and found != node_name):
            return Outcome.ELSEWHERE
        return Outcome.BOUND if found else Outcome.REFUSED

    async def give_back(self, binding: Binding) -> None:
        """Take back what was prepared for a binding that did not come about."""
        await binding.framework.give_back(self.client, binding.queued.info, binding.node_name)

    async def carry_out(self, info: PodInfo, order: Callable[[Client], Awaitable[None]]) -> None:
        """Write what a plugin wants for a pod that fits nowhere."""
        try:
            await order(self.client)
        except Exception as error:
            log.info("making room for %s: %r", info.name, error)

    async def tell(self, telling: Telling) -> None:
        """Write the condition; a failure is told in the log, and made good by the next attempt."""
        queued, info = telling.queued, telling.queued.info
        if telling.after is not None:
            await telling.after.wait()
        condition: Json = {
            "type": "PodScheduled",
            "status": "False",
            "observedGeneration": info.pod.metadata.generation,
            "reason": telling.reason,
            "message": telling.message,
        }
        before = info.pod.condition("PodScheduled")
        if before is None or before.status != "False":
            condition["lastTransitionTime"] = timestamp(self.world.now())
        status: Json = {"conditions": [condition]}
        queued.was_nominated = queued.was_nominated or bool(telling.nominated)
        if queued.was_nominated or info.pod.status.nominated_node_name:
            status["nominatedNodeName"] = telling.nominated or None
        try:
            await self._patch_status(info, status)
        except Exception as error:
            queued.told = ("", "")
            log.info("telling %s why it waits: %r", info.name, error)
        finally:
            telling.done.set()

    async def evict(self, victim: PodInfo, by: PodInfo) -> bool:
        """Make a pod go for another: say so in its status, then delete it; whether that is done.

        It is done as well if the pod has gone by itself. Upstream: `Executor.PreemptPod`.
        """
        condition: Json = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": REASON,
            "message": f"{by.pod.spec.scheduler_name}: "
            "preempting to accommodate a higher priority pod",
            "lastTransitionTime": timestamp(self.world.now()),
        }
        name, namespace = victim.name.name, victim.name.namespace
        pause_seconds = RETRY_SECONDS
        for _ in range(SENDS_MOST):
            try:
                await self._patch_status(victim, {"conditions": [condition]})
                options = {"preconditions": {"uid": victim.uid}}
                await self.client.delete(PODS, name, namespace, options)
                return True
            except (NotFound, Conflict):
                return True  # gone, or another one of its name
            except Exception as error:
                log.info("making %s go for %s: %r", victim.name, by.name, error)
            await trio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, RETRY_MOST_SECONDS)
        return False

    async def give_up_nomination(self, info: PodInfo) -> None:
        """Take a pod's nomination back; a failure is told in the log, and made good in time."""
        try:
            await self._patch_status(info, {"nominatedNodeName": None})
        except Exception as error:
            log.info("taking the nomination of %s back: %r", info.name, error)

    async def _patch_status(self, info: PodInfo, status: Json) -> None:
        await self.client.patch(
            PODS,
            info.name.name,
            {"metadata": {"uid": info.uid}, "status": status},
            info.name.namespace,
            subresource="status",
            patch_type=STRATEGIC_MERGE_PATCH,
        )

    async def _where(self, info: PodInfo) -> str | None:
        """The node that a pod is bound to now, "" for none; None if the pod is gone."""
        pause_seconds = RETRY_SECONDS
        while True:
            try:
                found = await self.client.get(PODS, info.name.name, info.name.namespace)
            except NotFound:
                return None
            except Exception as error:
                log.info("looking for %s: %r", info.name, error)
                await trio.sleep(pause_seconds)
                pause_seconds = min(pause_seconds * 2, RETRY_MOST_SECONDS)
                continue
            if found["metadata"].get("uid") != info.uid:
                return None
            name: str = (found.get("spec") or {}).get("nodeName") or ""
            return name
