"""Run a coroutine under virtual time and a seed: the same code, the same seed, the same run.

The seed orders the tasks that trio finds runnable together and feeds the World; the clock jumps
to the next deadline whenever everybody waits. Trio offers deterministic order as a private switch,
which Hypothesis uses too.
"""

from __future__ import annotations

import gc
import os
import random
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from math import inf
from typing import Any, Final, TypeVar

import trio
import trio.testing
from trio._core import _run

from k8slite.sim.world import SimulatedWorld
from k8slite.store.store import Event, Store

T = TypeVar("T")

# New objects that start a collection of the youngest (CPython's own choice is 700; measured with
# 1,000 nodes: 25 % of the time of a run).
YOUNG_OBJECTS: Final = 50_000


def run(main: Callable[[SimulatedWorld], Awaitable[T]], *, seed: int = 0) -> T:
    """Run `main` in an imagined world; returns what it returns."""

    async def begin() -> T:
        return await main(SimulatedWorld(seed))

    with ordered(seed), _collecting_seldom():
        return trio.run(begin, clock=virtual_clock())


def virtual_clock() -> trio.testing.MockClock:
    """A clock that stands still but for its jumps, from deadline to deadline.

    It shows what a MockClock shows that jumps by itself. That one also asks the real clock each
    time that it is looked at, and gathers statistics for each jump.
    """
    found = trio.testing.MockClock(autojump_threshold=0)
    clock: Any = found

    def jump() -> None:
        deadlines = _run.GLOBAL_RUN_CONTEXT.runner.deadlines
        seconds = deadlines.next_deadline() - clock._virtual_base
        if 0 < seconds < inf:
            clock.jump(seconds)

    clock.current_time = lambda: clock._virtual_base
    clock._autojump = jump
    return found


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """A cluster makes few cycles, and to look for them costs more the larger it is."""
    before = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def ordered(seed: int) -> Iterator[None]:
    """Let the seed decide who goes on first, for as long as the block lasts."""
    trio_run: Any = _run
    before, others = trio_run._ALLOW_DETERMINISTIC_SCHEDULING, trio_run._r
    outer = getattr(_OURS, "order", None)
    trio_run._ALLOW_DETERMINISTIC_SCHEDULING = True
    if not isinstance(others, _OfThread):
        trio_run._r = _OfThread(others)
    reorder(seed)
    try:
        yield
    finally:
        _OURS.order = outer
        trio_run._ALLOW_DETERMINISTIC_SCHEDULING = before
        trio_run._r = others


def reorder(seed: int) -> None:
    """From now on, let this seed decide who goes on first; 0: whoever began first."""
    _OURS.order = random.Random(seed) if seed else _InOrder(0)


def fork() -> int:
    """`os.fork` inside a run that both processes go on with; the child's id, 0 in the child.

    Trio-asyncio, where it is loaded, takes the run away from every child: it is given back.
    """
    trio_run: Any = _run
    context = trio_run.GLOBAL_RUN_CONTEXT
    runner, task = context.runner, context.task
    child = os.fork()
    if not child:
        context.runner, context.task = runner, task
    return child


class _OfThread:
    """Trio has one source of order for all its loops: a loop of another thread, a live cluster's
    perhaps, must not take anything from ours."""

    def __init__(self, others: random.Random) -> None:
        self._others = others

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(_OURS, "order", None) or self._others, name)


_OURS: Final = threading.local()  # `order`: what decides in a thread


class _InOrder(random.Random):
    """Trio takes tasks from the end of what it has shuffled."""

    def shuffle(self, x: Any) -> None:
        x.reverse()


class CommitLog:
    """A running hash over every commit of a store: revision, key and value, in order."""

    def __init__(self, store: Store) -> None:
        self._hash = sha256()
        self._watch = store.watch("", after=store.revision)
        self.commits = 0

    async def follow(self) -> None:
        """Take in commits as they come, until cancelled."""
        while True:
            for event in await self._watch.receive():
                self._take(event)

    def digest(self) -> str:
        """The hash of everything committed so far."""
        for event in self._watch.receive_nowait():
            self._take(event)
        return self._hash.hexdigest()

    def _take(self, event: Event) -> None:
        value = event.now.value if event.now is not None else b"-"
        self._hash.update(b"%d %b %b\n" % (event.revision, event.key.encode(), value))
        self.commits += 1
