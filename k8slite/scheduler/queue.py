"""Pods that wait for a node: who is next, and who waits for what.

    active          to be tried, in the order that the plugin QueueSort gives
    backing off     failed a short time ago: 1 s after the first attempt, doubled up to 10 s
    unschedulable   fits nowhere until something changes; tried again after five minutes anyway
    gated           may not be tried (scheduling gates)

Upstream: `scheduler/backend/queue`. A pod that is being tried or bound is in none of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final

import trio
from attrs import Factory, define

from k8slite.objects.meta import Name
from k8slite.scheduler.plugin import Status
from k8slite.scheduler.pod_info import PodInfo

BACK_OFF_SECONDS: Final = 1.0  # after the first attempt (upstream: `podInitialBackoffSeconds`)
BACK_OFF_MOST_SECONDS: Final = 10.0  # upstream: `podMaxBackoffSeconds`
# How long a pod stays unschedulable at the most, in case that an event was of use to it and
# nobody noticed (upstream: `DefaultPodMaxInUnschedulablePodsDuration`).
UNSCHEDULABLE_MOST_SECONDS: Final = 300.0
FLUSH_SECONDS: Final = 30.0  # how often that is looked at


class Place(Enum):
    """Where a pod waits; NOWHERE while it is being tried or bound, or has left."""

    NOWHERE = auto()
    ACTIVE = auto()
    BACKING_OFF = auto()
    UNSCHEDULABLE = auto()
    GATED = auto()


@define(eq=False)
class Queued:
    """A pod and its story."""

    info: PodInfo
    since: float  # when it came to where it is; in seconds of trio's clock
    attempts: int = 0
    entered_at: float = Factory(trio.current_time)
    popped_at: float = 0.0  # for the last attempt
    place: Place = Place.NOWHERE
    number: int = 0  # of its newest heap entry; older ones count no more
    told: tuple[str, str] = ("", "")  # the message and the nominated node that were written last
    was_nominated: bool = False  # whether that was ever written
    waits_for_pods: bool = False  # why it fits nowhere: see Diagnosis
    waits_for_anything: bool = False
    refused_by: frozenset[str] = frozenset()  # the plugins that found nothing for it
    telling: trio.Event | None = None  # set when a condition that is being written has been


class SchedulingQueue:
    """The pods of one scheduler, by name; `gate` says which may not be tried yet, `sort_key` which
    is next: the smallest."""

    def __init__(
        self,
        gate: Callable[[PodInfo], Status | None],
        sort_key: Callable[[PodInfo, float], Any],
        *,
        back_off_seconds: float = BACK_OFF_SECONDS,
        back_off_most_seconds: float = BACK_OFF_MOST_SECONDS,
    ) -> None:
        self._back_off_seconds = back_off_seconds
        self._back_off_most_seconds = back_off_most_seconds
        self._gate = gate
        self._sort_key = sort_key
        self._pods: dict[Name, Queued] = {}
        self._active: list[tuple[Any, int, Queued]] = []
        self._backing_off: list[tuple[float, int, Queued]] = []
        self._unschedulable: dict[Name, Queued] = {}
        self._gated: dict[Name, Queued] = {}
        self._number = 0
        self._woken = trio.Event()
        self._timers_changed = trio.Event()

    def get(self, name: Name) -> Queued | None:
        """A pod that waits, wherever that is."""
        return self._pods.get(name)

    def places(self) -> list[Place]:
        """Where each pod waits."""
        return [queued.place for queued in self._pods.values()]

    @property
    def unschedulable(self) -> list[Queued]:
        """The pods that fit nowhere, in the order in which they were found to."""
        return list(self._unschedulable.values())

    @property
    def gated(self) -> list[Queued]:
        """The pods that may not be tried yet, in the order in which they came to that."""
        return list(self._gated.values())

    def put(self, info: PodInfo, *, changed: bool = True) -> None:
        """A pod is to be scheduled, or was changed while it waits.

        `changed`: in a way that matters to a plugin, so that it is tried again.
        """
        queued = self._pods.get(info.name)
        if queued is None:
            return self._enter(Queued(info, trio.current_time()))
        # A mirror announces that a pod has gone before it announces the next one of that name.
        assert queued.info.uid == info.uid, info.name
        queued.info = info
        if queued.place is Place.GATED:
            self._enter(queued)
        elif changed and queued.place is Place.UNSCHEDULABLE:
            self.activate(queued)
        return None

    def remove(self, name: Name) -> None:
        """A pod needs no node any more."""
        queued = self._pods.pop(name, None)
        if queued is not None:
            self._unschedulable.pop(name, None)
            self._gated.pop(name, None)
            queued.place = Place.NOWHERE

    def pop(self) -> Queued | None:
        """The next pod; it has left the queue."""
        while self._active:
            _, number, queued = heapq.heappop(self._active)
            if queued.place is Place.ACTIVE and queued.number == number:
                del self._pods[queued.info.name]
                queued.place = Place.NOWHERE
                queued.attempts += 1
                queued.popped_at = trio.current_time()
                return queued
        return None

    async def woken(self) -> None:
        """Wait until there may be something to pop, or `wake` was called."""
        await self._woken.wait()
        self._woken = trio.Event()

    def wake(self) -> None:
        """Let `woken` return."""
        self._woken.set()

    def put_unschedulable(self, queued: Queued) -> None:
        """A pod that was popped fits nowhere."""
        self._return(queued, Place.UNSCHEDULABLE)
        self._unschedulable[queued.info.name] = queued
        if len(self._unschedulable) == 1:
            self._timers_changed.set()

    def put_back(self, queued: Queued) -> None:
        """A pod that was popped could not be bound: try again after its back-off."""
        self._return(queued, Place.BACKING_OFF)
        self.activate(queued)

    def activate(self, queued: Queued) -> None:
        """Something may have become better for a pod: try it as soon as its back-off allows."""
        self._unschedulable.pop(queued.info.name, None)
        if self._is_gated(queued):
            return
        self._number += 1
        queued.number = self._number
        until = self._back_off_until(queued)
        if until > trio.current_time():
            queued.place = Place.BACKING_OFF
            heapq.heappush(self._backing_off, (until, queued.number, queued))
            self._timers_changed.set()
            return
        queued.place = Place.ACTIVE
        queued.since = trio.current_time()
        key = self._sort_key(queued.info, queued.since)
        heapq.heappush(self._active, (key, queued.number, queued))
        self.wake()

    async def run(self) -> None:
        """End back-offs in time, and try again those that have been unschedulable for long."""
        flush_at = trio.current_time() + FLUSH_SECONDS
        while True:
            now = trio.current_time()
            self._end_back_offs(now)
            if now >= flush_at:
                self._flush(now)
            if now >= flush_at or not self._unschedulable:
                flush_at = now + FLUSH_SECONDS
            deadline = flush_at if self._unschedulable else float("inf")
            if self._backing_off:
                deadline = min(deadline, self._backing_off[0][0])
            with trio.move_on_at(deadline):
                await self._timers_changed.wait()
            self._timers_changed = trio.Event()

    def _enter(self, queued: Queued) -> None:
        self._pods[queued.info.name] = queued
        self.activate(queued)

    def _return(self, queued: Queued, place: Place) -> None:
        assert queued.place is Place.NOWHERE, queued
        queued.place = place
        queued.since = trio.current_time()
        self._pods[queued.info.name] = queued

    def _back_off_until(self, queued: Queued) -> float:
        if not queued.attempts:
            return 0.0
        seconds = self._back_off_seconds * 2.0 ** min(queued.attempts - 1, 10)
        return queued.since + min(seconds, self._back_off_most_seconds)

    def _is_gated(self, queued: Queued) -> bool:
        if self._gate(queued.info) is None:
            self._gated.pop(queued.info.name, None)
            return False
        queued.place = Place.GATED
        self._gated[queued.info.name] = queued
        return True

    def _end_back_offs(self, now: float) -> None:
        while self._backing_off and self._backing_off[0][0] <= now:
            _, number, queued = heapq.heappop(self._backing_off)
            if queued.place is Place.BACKING_OFF and queued.number == number:
                self.activate(queued)

    def _flush(self, now: float) -> None:
        for queued in self.unschedulable:
            if now - queued.since >= UNSCHEDULABLE_MOST_SECONDS:
                self.activate(queued)
