"""The faults of a plan, each waiting for its point, and what happens when it comes.

Faults of writes and watches are carried out by whoever carries the message (`network`, `gates`),
who asks here; faults of commits are carried out here, in a task of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import trio

from k8slite.faults.plan import (
    OF_COMMITS,
    OF_WATCHES,
    OF_WRITES,
    Crash,
    FailContainer,
    Fault,
    Plan,
    StaleReads,
    TimeTravel,
)


class Struck(Protocol):
    """Is told of each fault that finds its point."""

    def __call__(self, fault: Fault, what: str) -> None: ...


Passed = Callable[[int], None]


class Target(Protocol):
    """What the faults of commits are carried out on."""

    async def carry_out(self, fault: Fault) -> None:
        """Do it, and undo it when its time is over."""
        ...


class Storm:
    """Which fault strikes where; `run` carries out those of commits."""

    def __init__(self, struck: Struck) -> None:
        self._told = struck
        self._writes: dict[tuple[str, int], list[Fault]] = {}
        self._events: dict[tuple[str, str, int], list[Fault]] = {}
        self._deaths: dict[tuple[str, int], Crash] = {}
        self._commits: dict[int, list[Fault]] = {}
        self._starts: dict[int, FailContainer] = {}
        self._freezes: dict[int, None] = {}
        self.frozen: dict[int, int] = {}  # the revision of a commit at which a replica stopped
        self._watched: dict[tuple[str, str], None] = {}
        self._dying: dict[str, None] = {}  # processes that some event is to kill
        self._due: list[Fault] = []
        self._wake = trio.Event()
        self._healed = trio.Event()
        self.lasting = 0  # faults with an end that have not come to it
        self.endless = 0  # faults that only healing ends
        self.passed: Passed | None = None  # told of each commit, when its faults are known

    def arm(self, plan: Plan) -> None:
        """Take a plan; from now on its faults can strike.

        Whose first point is still to come may be taken late, and all is as if it had been there
        from the beginning (see `position`).
        """
        for fault in plan.faults:
            if isinstance(fault, Crash) and fault.event:
                self._deaths[fault.process, fault.event] = fault
                self._dying[fault.process] = None
            elif isinstance(fault, (Crash, TimeTravel, *OF_WRITES)):
                self._writes.setdefault((fault.process, fault.write), []).append(fault)
                if isinstance(fault, TimeTravel):
                    self._freezes[fault.commit] = None
            elif isinstance(fault, OF_WATCHES):
                place = (fault.process, fault.resource, fault.event)
                self._events.setdefault(place, []).append(fault)
                self._watched[fault.process, fault.resource] = None
            elif isinstance(fault, FailContainer):
                self._starts[fault.start] = fault
            else:
                assert isinstance(fault, OF_COMMITS), fault
                self._commits.setdefault(fault.commit, []).append(fault)
                if isinstance(fault, StaleReads):
                    self._freezes[fault.commit] = None

    def of_write(self, process: str, number: int) -> Sequence[Fault]:
        """What strikes a write."""
        return self._writes.pop((process, number), ())

    def of_event(self, process: str, resource: str, number: int) -> Sequence[Fault]:
        """What strikes an event of a watch."""
        return self._events.pop((process, resource, number), ())

    def death_at(self, process: str, number: int) -> Crash | None:
        """The crash that an event brings, counted over all resources."""
        return self._deaths.pop((process, number), None)

    def of_start(self, number: int) -> FailContainer | None:
        """What strikes the start of a container."""
        return self._starts.pop(number, None)

    def watches(self, process: str, resource: str) -> bool:
        """Whether the events of a watch must be looked at one by one."""
        return (process, resource) in self._watched or process in self._dying

    def committed(self, number: int, revision: int) -> None:
        """A commit happened."""
        if number in self._freezes:
            self.frozen[number] = revision
        found = self._commits.pop(number, None)
        if found is not None:
            self._due += found
            self.lasting += len(found)  # until it is known how long they last
            self._wake.set()
        if self.passed is not None:
            self.passed(number)

    def strike(self, fault: Fault, what: str) -> None:
        """A fault has found its point."""
        self._told(fault, what)

    @contextmanager
    def during(self, seconds: float) -> Iterator[None]:
        """A fault lasts, unless healed before; the run is not at rest before its end."""
        endless = seconds == math.inf
        self.endless += endless
        self.lasting += not endless
        try:
            yield
        finally:
            self.endless -= endless
            self.lasting -= not endless

    async def last(self, seconds: float) -> None:
        """Return when so many seconds are over, or all is healed."""
        with self.during(seconds), trio.move_on_after(seconds):
            await self._healed.wait()

    @property
    def healed(self) -> bool:
        return self._healed.is_set()

    def heal(self) -> None:
        """End what lasts; what has not struck never will."""
        for waiting in (self._writes, self._events, self._deaths, self._commits, self._starts):
            empty: dict[Any, Any] = waiting
            empty.clear()
        self._freezes.clear()
        self._healed.set()

    async def run(
        self, target: Target, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Carry out the faults of commits, for ever."""
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                await self._wake.wait()
                self._wake = trio.Event()
                due, self._due = self._due, []
                for fault in due:
                    nursery.start_soon(self._carry_out, target, fault)

    async def _carry_out(self, target: Target, fault: Fault) -> None:
        try:
            if not self.healed:
                await target.carry_out(fault)
        finally:
            self.lasting -= 1
