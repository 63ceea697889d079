"""Where runs with faults set out: at places in the run without any, as late as their plan allows.

Up to its first fault a run is the one without faults, so that it need not be played from the
begin. The stem is a process that plays that run once; at places spread over its commits it leaves a
copy of itself, a waypoint, which waits for orders and forks a child for each. Which waypoint is the
last before a plan's first fault is told by the counts at that place (`faults.position`).
"""

from __future__ import annotations

import gc
import os
import signal
from typing import Any, Final

import attrs
from attrs import define, field, frozen
from cattrs import Converter

from k8slite.faults.plan import Plan
from k8slite.faults.position import Position
from k8slite.fuzz.pipes import close, receive, send
from k8slite.sim.outcome import Order, Outcome
from k8slite.sim.run import fork
from k8slite.sim.simulation import Simulation

# A run that takes longer, in real seconds, is taken to hang.
RUN_SECONDS: Final = 120.0
# How many copies wait in a worker: each costs a tenth of a run to make, and some memory.
WAYPOINTS_MOST: Final = 12

_converter = Converter()

Json = dict[str, Any]


@frozen
class _Pipes:
    """The ends of a waypoint's two pipes."""

    orders: int
    outcomes: int


@frozen
class _Waypoint:
    """A copy that waits, as its worker knows it."""

    position: Position
    pipes: _Pipes


@define(eq=False)
class Serving:
    """A process that waits for orders and has each of them played by a child."""

    orders: int  # file descriptors
    outcomes: int
    reply: int  # in a child: where its outcome goes
    _commits: int = 0  # of the run without faults; 0 for unknown
    _waypoints: list[_Waypoint] = field(factory=list)
    _planted: bool = False

    def ask(self, simulation: Simulation) -> Order:
        """What is to be played; comes back in children only, and in the stem."""
        while True:
            found = receive(self.orders, None)
            if found is None:
                os._exit(0)
            if found["plan"] and not found["seed"] and not self._planted and self._commits:
                self._planted = True
                if self._plant(simulation):
                    return Order()
            outcome = self._from_waypoint(found)
            if outcome is None:
                reading, writing = os.pipe()
                child = fork()
                if not child:
                    gc.disable()  # a short life
                    os.close(reading)
                    self.reply = writing
                    return Order(Plan.load(found["plan"]), found["seed"])
                os.close(writing)
                outcome = _awaited(child, reading)
            if not found["plan"] and not found["seed"] and not outcome["error"]:
                self._commits = outcome["counts"]["commits"]
            send(self.outcomes, outcome)

    def _from_waypoint(self, found: Json) -> Json | None:
        """The outcome of a run that set out at a waypoint; None where there is none for it."""
        if found["seed"] or not found["plan"]:
            return None
        plan = Plan.load(found["plan"])
        for waypoint in reversed(self._waypoints):
            if waypoint.position.precedes(plan):
                send(waypoint.pipes.orders, found)
                outcome: Json | None = receive(waypoint.pipes.outcomes, 2 * RUN_SECONDS)
                return outcome
        return None

    def _plant(self, simulation: Simulation) -> bool:
        """Have waypoints made; True in the stem, whose run is to go on without faults."""
        number = min(WAYPOINTS_MOST, self._commits - 1)
        if not number:
            return False
        places = [self._commits * (one + 1) // (number + 1) for one in range(number)]
        here, there = [], []
        for _ in places:
            orders_read, orders_write = os.pipe()
            outcomes_read, outcomes_write = os.pipe()
            here.append(_Pipes(orders_write, outcomes_read))
            there.append(_Pipes(orders_read, outcomes_write))
        if not fork():
            gc.disable()
            close(self.orders, self.outcomes)
            for pipes in here:
                close(pipes.orders, pipes.outcomes)
            stem = _Stem(self, simulation, dict(zip(places, there, strict=True)))
            simulation.storm.passed = stem.passed
            return True
        for pipes in there:
            close(pipes.orders, pipes.outcomes)
        for pipes in here:
            position = receive(pipes.outcomes, RUN_SECONDS)
            if position is not None:
                position = _converter.structure(position, Position)
                self._waypoints.append(_Waypoint(position, pipes))
        return False


@define(eq=False)
class _Stem:
    """The run without faults, on its way past the places."""

    serving: Serving
    simulation: Simulation
    places: dict[int, _Pipes]  # those to come, by commit

    def passed(self, commit: int) -> None:
        """Leave a waypoint, where one is to be; comes back in the stem, and in its children."""
        pipes = self.places.pop(commit, None)
        if pipes is None:
            return
        if fork():
            close(pipes.orders, pipes.outcomes)
            if not self.places:
                os._exit(0)
            return
        for other in self.places.values():
            close(other.orders, other.outcomes)
        storm = self.simulation.storm
        storm.passed = None
        send(pipes.outcomes, attrs.asdict(self.simulation.position()))
        serving = self.serving
        serving.orders, serving.outcomes, serving._waypoints = pipes.orders, pipes.outcomes, []
        storm.arm(serving.ask(self.simulation).plan)


def _awaited(child: int, reading: int) -> Json:
    """What a child says in the end; it is over then."""
    outcome: Json | None = receive(reading, RUN_SECONDS)
    os.close(reading)
    if outcome is None:
        os.kill(child, signal.SIGKILL)
        outcome = attrs.asdict(Outcome(error="the run hung or its process died"))
    os.waitpid(child, 0)
    return outcome
