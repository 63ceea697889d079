"""Runs in forked processes: a cluster is started once, and forked for each run.

A worker plays a scenario up to its begin and waits there for orders; for each it forks a child,
which plays on and ends. So a run costs no start, shares no memory with another, and one that hangs
is ended. What is before the fork does not depend on the order: a process that was not forked makes
the same run, bit for bit. Later places to fork at are `waypoints`.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

import attrs
from attrs import define
from cattrs import Converter

from k8slite.fuzz.pipes import receive, send
from k8slite.fuzz.waypoints import RUN_SECONDS, Serving
from k8slite.sim.outcome import Order, Outcome
from k8slite.sim.run import run
from k8slite.sim.scenario import Scenario, play, play_once
from k8slite.sim.simulation import Simulation

# How long a cluster may take to start and a scenario to be prepared, in real seconds.
PREPARE_SECONDS: Final = 120.0

_converter = Converter()


class PreparationFailed(Exception):
    """The scenario could not even be prepared; the text is the traceback."""


@define(eq=False)
class Worker:
    """One process that waits at a scenario's begin."""

    pid: int
    orders: int  # file descriptors
    outcomes: int
    order: Order | None = None  # the one in work

    def begin(self, order: Order) -> None:
        """Have an order played."""
        self.order = order
        send(self.orders, {"plan": order.plan.dump(), "seed": order.seed})

    def end(self) -> Outcome:
        """What came of it; waits for it. Raises PreparationFailed."""
        found = receive(self.outcomes, PREPARE_SECONDS + RUN_SECONDS)
        if found is None:
            raise PreparationFailed("the worker ended without a word")
        if "failed" in found:
            raise PreparationFailed(found["failed"])
        self.order = None
        return _converter.structure(found, Outcome)


@contextmanager
def workers(scenario: Scenario, jobs: int) -> Iterator[list[Worker]]:
    """So many processes for the length of the block. Call it before any thread is started."""
    started: list[Worker] = []
    try:
        for _ in range(jobs):
            started.append(_start(scenario, started))
        yield started
    finally:
        for worker in started:
            os.close(worker.orders)
            os.close(worker.outcomes)
            os.kill(worker.pid, signal.SIGKILL)
            os.waitpid(worker.pid, 0)


def play_all(pool: list[Worker], orders: Iterable[Order]) -> Iterator[tuple[Order, Outcome]]:
    """Play orders on all workers at once; outcomes come as they are ready.

    Who stops listening must let the pool's runs end: `drain`.
    """
    waiting = iter(orders)
    for worker in pool:
        order = next(waiting, None)
        if order is not None:
            worker.begin(order)
    while busy := {worker.outcomes: worker for worker in pool if worker.order is not None}:
        ready, _, _ = select.select(list(busy), [], [])
        for descriptor in ready:
            worker = busy[descriptor]
            done = worker.order
            assert done is not None
            outcome = worker.end()
            order = next(waiting, None)
            if order is not None:
                worker.begin(order)
            yield done, outcome


def drain(pool: list[Worker]) -> None:
    """Wait for what is still being played, and forget it."""
    for worker in pool:
        if worker.order is not None:
            worker.end()


def _start(scenario: Scenario, others: list[Worker]) -> Worker:
    orders_read, orders_write = os.pipe()
    outcomes_read, outcomes_write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        os.close(orders_write)
        os.close(outcomes_read)
        for other in others:  # an end is seen only when every copy of it is closed
            os.close(other.orders)
            os.close(other.outcomes)
        _serve(scenario, orders_read, outcomes_write)
    os.close(orders_read)
    os.close(outcomes_write)
    return Worker(pid, orders_write, outcomes_read)


def _serve(scenario: Scenario, orders: int, outcomes: int) -> NoReturn:
    """A worker's life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the asking process says when it is over
    logging.disable(logging.CRITICAL)
    serving = Serving(orders, outcomes, reply=outcomes)

    def ask(simulation: Simulation) -> Order:
        gc.collect()
        gc.freeze()
        return serving.ask(simulation)

    def done(outcome: Outcome) -> None:
        send(serving.reply, attrs.asdict(outcome))
        os._exit(0)

    try:
        # What is compiled and read once is there before the fork, not made anew in each child
        # (measured: 18 runs/s without, 45 with it).
        play_once(scenario)
        run(lambda world: play(scenario, world, ask, done=done))
    except BaseException:
        with suppress(OSError):  # who would want to know may be gone
            send(serving.reply, {"failed": traceback.format_exc()})
    os._exit(1)
