"""A queue of names that are to be worked on (upstream: `client-go/util/workqueue`).

A name waits at most once, and is never in two workers' hands: added while it is in work, it waits
again as soon as that work is done. The number of names is bounded by the number of objects.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import Final

import trio

from k8slite.objects.measures import Histogram, exponential
from k8slite.objects.meta import Name

RETRY_SECONDS: Final = 0.005  # the first pause of add_rate_limited; doubles (upstream's default)
RETRY_MOST_SECONDS: Final = 1000.0  # the longest (upstream's default)
_BUCKETS: Final = exponential(1e-6, 10, 10)  # upstream's of both durations
_DOUBLINGS: Final = 18  # 0.005 s * 2^18 is more than the longest pause


class WorkQueue:
    """Names to work on, now or later; `run` is its clock and must be running for the later."""

    def __init__(self) -> None:
        self.adds = 0  # how many names have come to wait
        self.retries = 0  # how many after a failure
        self._queue: deque[Name] = deque()
        self._waiting: dict[Name, float] = {}  # since when
        self._in_work: dict[Name, float] = {}
        self.waits = Histogram(
            "workqueue_queue_duration_seconds",
            "[BETA] How long in seconds an item stays in workqueue before being requested.",
            _BUCKETS,
        )
        self.works = Histogram(
            "workqueue_work_duration_seconds",
            "[BETA] How long in seconds processing an item from workqueue takes.",
            _BUCKETS,
        )
        self._getters = trio.lowlevel.ParkingLot()
        self._failures: dict[Name, int] = {}
        self._later: list[tuple[float, int, Name]] = []
        self._due: dict[Name, float] = {}
        self._number = 0
        self._sooner = trio.Event()

    def __len__(self) -> int:
        """How many names wait now."""
        return len(self._queue)

    def add(self, key: Name) -> None:
        """Work on a name as soon as a worker is free."""
        if key in self._waiting:
            return
        self._waiting[key] = trio.current_time()
        self.adds += 1
        if key not in self._in_work:
            self._queue.append(key)
            self._getters.unpark()

    def add_after(self, key: Name, seconds: float) -> None:
        """Work on a name in so many seconds; of several times the soonest counts."""
        if seconds <= 0:
            self.add(key)
            return
        due = trio.current_time() + seconds
        known = self._due.get(key)
        if known is not None and known <= due:
            return
        self._due[key] = due
        self._number += 1
        heapq.heappush(self._later, (due, self._number, key))
        if self._later[0][2] == key:
            self._sooner.set()

    def add_rate_limited(self, key: Name) -> None:
        """Work on a name after a pause that doubles with each call until `forget`."""
        self.retries += 1
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        pause_seconds = RETRY_SECONDS * 2 ** min(failures, _DOUBLINGS)
        self.add_after(key, min(pause_seconds, RETRY_MOST_SECONDS))

    def failures(self, key: Name) -> int:
        """How often in a row a name was added rate limited."""
        return self._failures.get(key, 0)

    def forget(self, key: Name) -> None:
        """The work succeeded: the next pause is short again."""
        self._failures.pop(key, None)

    async def get(self) -> Name:
        """The next name, which is in the caller's hands until `done`."""
        await trio.lowlevel.checkpoint()
        while not self._queue:
            await self._getters.park()
        key = self._queue.popleft()
        now = trio.current_time()
        self.waits.observe(now - self._waiting.pop(key))
        self._in_work[key] = now
        return key

    def in_work_seconds(self) -> list[float]:
        """How long each name has been in somebody's hands."""
        now = trio.current_time()
        return [now - began for began in self._in_work.values()]

    def done(self, key: Name) -> None:
        """Give a name back; it waits again if it was added meanwhile."""
        self.works.observe(trio.current_time() - self._in_work.pop(key))
        if key in self._waiting:
            self._queue.append(key)
            self._getters.unpark()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Move names over when their time has come; one task for all of them."""
        task_status.started()
        while True:
            self._sooner = trio.Event()
            now = trio.current_time()
            while self._later and self._later[0][0] <= now:
                due, _, key = heapq.heappop(self._later)
                if self._due.get(key) == due:
                    del self._due[key]
                    self.add(key)
            wake = self._later[0][0] if self._later else float("inf")
            with trio.move_on_at(wake):
                await self._sooner.wait()
