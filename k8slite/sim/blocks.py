"""A simulated cluster for a block of your own, in any run with virtual time.

async with k8slite.sim.cluster(seed=7, nodes=3) as sim:
    await sim.apply(deployment)
    await sim.rest()
    assert len(sim.objects(k8slite.PODS)) == 3
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import trio
import trio.testing

from k8slite.cluster import Settings
from k8slite.controllers import Controller
from k8slite.faults.plan import Plan
from k8slite.sim.outcome import Order, Record
from k8slite.sim.run import ordered
from k8slite.sim.simulation import Simulation, running
from k8slite.sim.story import story
from k8slite.sim.world import SimulatedWorld

_NO_FAULTS: Final = Plan()


class Broken(AssertionError):
    """An invariant broke; the text is the run's story."""


@asynccontextmanager
async def cluster(
    *,
    seed: int = 0,
    nodes: int = 3,
    controllers: Sequence[type[Controller]] = (),
    builtin: Sequence[str] = ("*",),
    scheduler: bool = True,
    plan: Plan = _NO_FAULTS,
) -> AsyncIterator[Simulation]:
    """A whole cluster, at rest when the block begins and gone after it.

    Needs virtual time: pytest-trio's fixture `autojump_clock`, or `trio.run(main,
    clock=trio.testing.MockClock(autojump_threshold=0))`. The same block with the same seed and
    plan makes the same commits, if nothing else runs beside it; the seed orders its tasks, too.
    `controllers` are the user's own, each a process that crashes alone; `builtin` says which of
    ours run, as in ("*", "-replicaset-controller"). Faults of the plan strike from the block's
    begin.

    Raises RuntimeError without virtual time, and Broken at the block's end when an invariant did
    not hold (where the block has failed itself, its error gets that as a note).
    """
    clock = trio.lowlevel.current_clock()
    if not isinstance(clock, trio.testing.MockClock) or clock.autojump_threshold != 0:
        raise RuntimeError(
            "a simulated cluster needs virtual time: take pytest-trio's fixture autojump_clock, "
            "or trio.run(..., clock=trio.testing.MockClock(autojump_threshold=0))"
        )
    order = Order(plan, seed)
    record = Record(order, "cluster")
    settings = Settings(nodes=nodes, controllers=tuple(builtin), scheduler=scheduler)
    error: Exception | None = None
    with ordered(0):
        simulation = Simulation(SimulatedWorld(0), settings, controllers, record=record)
        async with running(simulation):
            await simulation.rest()
            simulation.begin(order)
            try:
                yield simulation
            except Exception as raised:
                error = raised  # and not one of a group, as it would leave the nursery
            outcome = simulation.outcome()
    told = story(record, outcome) if outcome.violations else ""
    if error is not None:
        if told:
            error.add_note(told)
        raise error
    if told:
        raise Broken(told)
