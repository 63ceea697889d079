"""All that will happen later, in one heap served by one task, for any number of nodes and pods.

A timer that is cancelled stays in the heap until its time comes; callbacks never wait.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import trio

from k8slite.world import World


class Moment(NamedTuple):
    """What time it is: by trio's clock, for durations, and by the calendar, for the API."""

    seconds: float
    date: datetime


class Timer:
    """One thing to be done at one time."""

    __slots__ = ("_callback", "due_seconds")

    def __init__(self, due_seconds: float, callback: Callable[[], None]) -> None:
        self.due_seconds = due_seconds
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """It will not be done. Safe at any time."""
        self._callback = None

    def fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Timers:
    """The heap and the task that serves it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0
        self._earlier = trio.Event()
        self._sleeps_until = math.inf

    def now(self) -> Moment:
        return Moment(trio.current_time(), self._world.now())

    def date(self) -> datetime:
        """The world's time of day."""
        return self._world.now()

    @property
    def chance(self) -> random.Random:
        """The world's source of random numbers."""
        return self._world.chance

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Have the callback called from the serving task in so many seconds."""
        return self.at(trio.current_time() + seconds, callback)

    def at(self, due_seconds: float, callback: Callable[[], None]) -> Timer:
        """Have the callback called at that time of trio's clock."""
        timer = Timer(due_seconds, callback)
        self._count += 1
        heapq.heappush(self._heap, (due_seconds, self._count, timer))
        if due_seconds < self._sleeps_until:
            self._earlier.set()
        return timer

    def clear(self) -> None:
        """Forget everything: who restarts does not want calls from an earlier life."""
        self._heap.clear()

    async def run(self) -> None:
        """Serve for ever."""
        while True:
            now = trio.current_time()
            while self._heap and self._heap[0][0] <= now:
                heapq.heappop(self._heap)[2].fire()
            self._earlier = trio.Event()
            self._sleeps_until = self._heap[0][0] if self._heap else math.inf
            with trio.move_on_at(self._sleeps_until):
                await self._earlier.wait()
            self._sleeps_until = -math.inf
