"""A scenario: what runs, what a user does, what must hold in the end; and how it is played.

prepare     the cluster starts, the scenario's objects are applied, all comes to rest
safety      faults strike while the user acts; every commit is checked
healing     faults end, the cluster comes to rest (never a fixed time)
liveness    what is owed must be there, and nothing more is written
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

import trio

from k8slite.cluster import Settings
from k8slite.controllers import Controller
from k8slite.sim.checks import CHECKS, Check
from k8slite.sim.manifests import documents
from k8slite.sim.outcome import Order, Outcome, Record, Violation
from k8slite.sim.run import run
from k8slite.sim.simulation import Simulation, running
from k8slite.sim.world import SimulatedWorld

Json = dict[str, Any]

NO_FAULTS: Final = Order()

# What is owed but not there when all is quiet may come after a longer pause between attempts.
PATIENCE_SECONDS: Final = (60.0, 600.0, 1500.0)


class Scenario:
    """What a run is about; subclass it and say what differs.

    `k8slite fuzz MODULE:CLASS` and `k8slite.testing.fuzz(CLASS)` look for the faults that break
    it. The invariants of `sim.checks` always hold; `check` adds what must hold in the end.
    """

    name: ClassVar[str] = ""  # by default the class' name
    nodes: ClassVar[int] = 3
    # Which built-in controllers run, as --controllers says it: ("*", "-replicaset-controller").
    builtin: ClassVar[tuple[str, ...]] = ("*",)
    scheduler: ClassVar[bool] = True
    # The user's own: each a process that crashes alone.
    controllers: ClassVar[Sequence[type[Controller]]] = ()
    # Manifests that are applied before the faults begin: YAML text, or decoded objects.
    objects: ClassVar[str | Sequence[Mapping[str, Any]]] = ()
    checks: ClassVar[Sequence[type[Check]]] = ()  # besides the built-in ones
    # How long the user's steps may take, in virtual time: who waits for what never comes gives up.
    act_seconds: ClassVar[float] = 3600.0
    # Processes that faults strike; () for all.
    targets: ClassVar[tuple[str, ...]] = ()

    async def act(self, sim: Simulation) -> None:
        """What the user does while faults strike."""

    def check(self, sim: Simulation) -> Sequence[str]:
        """What is wrong in the end, a sentence each; called at rest, after healing."""
        return ()

    @classmethod
    def title(cls) -> str:
        """Its name."""
        return cls.name or cls.__name__

    @classmethod
    def settings(cls) -> Settings:
        """The cluster that it runs in."""
        return Settings(nodes=cls.nodes, controllers=cls.builtin, scheduler=cls.scheduler)


async def play(
    scenario: Scenario,
    world: SimulatedWorld,
    order: Callable[[Simulation], Order],
    record: Record | None = None,
    done: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Play a scenario once. `order` is asked when all is prepared (a process may fork there).

    `done` is told the outcome before the cluster is taken down (a process may end there).
    """
    simulation = Simulation(
        world,
        scenario.settings(),
        scenario.controllers,
        (*CHECKS, *scenario.checks),
        record,
    )
    async with running(simulation):
        for obj in documents(scenario.objects):
            await simulation.apply(obj)
        await simulation.rest()
        simulation.begin(order(simulation))
        error = await _until_broken(scenario, simulation)
        outcome = simulation.outcome(error)
        done(outcome)
        return outcome


def play_once(
    scenario: Scenario, order: Order = NO_FAULTS, record: Record | None = None
) -> Outcome:
    """Play a scenario in this process, from the cluster's start to the end."""
    if record is not None:
        record.order = order
    # What is before the scenario's begin does not depend on the order's seed, so that a process
    # that was forked there and one that was not make the same run.
    return run(lambda world: play(scenario, world, lambda _: order, record), seed=0)


async def _until_broken(scenario: Scenario, simulation: Simulation) -> str:
    """Play until the end, or until an invariant breaks; the error of the scenario itself."""
    error = ""

    async def steps() -> None:
        nonlocal error
        try:
            await _phases(scenario, simulation)
        except Exception:
            error = traceback.format_exc()
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(steps)
        await simulation.observer.broke.wait()
        nursery.cancel_scope.cancel()
    return error


async def _phases(scenario: Scenario, simulation: Simulation) -> None:
    with trio.move_on_after(scenario.act_seconds):
        await scenario.act(simulation)
    rested = await simulation.rest()
    if simulation.storm.endless or not rested:
        await simulation.heal()
        rested = await simulation.rest()
    else:
        await simulation.heal()
    if not rested:
        simulation.observer.complain(simulation.observer.restless())
        return
    for patience_seconds in (*PATIENCE_SECONDS, math.inf):
        wrong = [*simulation.owed(), *_complaints(scenario, simulation)]
        if not wrong:
            return
        if patience_seconds < math.inf:
            # Somebody may be waiting before the next attempt.
            await trio.sleep(patience_seconds)
            if not await simulation.rest():
                simulation.observer.complain(simulation.observer.restless())
                return
    for violation in wrong:
        simulation.observer.complain(violation)


def _complaints(scenario: Scenario, simulation: Simulation) -> list[Violation]:
    return [
        Violation(scenario.title(), complaint, "", simulation.seconds, simulation.observer.commits)
        for complaint in scenario.check(simulation)
    ]
