"""The search: reference run, single faults, time travel, chance; then the shrinking.

Stops at the first violation, when there is nothing left to try, or when the budget is spent.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from attrs import define, evolve, field, frozen

from k8slite.faults.plan import Fault, Plan
from k8slite.fuzz.chance import draw
from k8slite.fuzz.plans import kinds, random_orders, single_faults, time_travels
from k8slite.fuzz.workers import Worker, drain, play_all, workers
from k8slite.sim.outcome import Order, Outcome, Violation
from k8slite.sim.scenario import Scenario

BATCH_PLANS: Final = 200  # that Hypothesis draws at a time
SEEDS_FIRST: Final = 8  # orders of tasks that are tried without any fault


@frozen
class Finding:
    """A run that breaks an invariant, with as few faults as still do."""

    order: Order
    violation: Violation
    digest: str
    found_after_plans: int
    error: str = ""  # where the scenario itself raised


@define
class Progress:
    """How far a search is; handed to a callback now and then."""

    plans: int = 0
    points: int = 0  # of writes and events that were struck
    points_in_all: int = 0
    phase: str = ""
    began_seconds: float = field(factory=time.monotonic)

    @property
    def plans_per_second(self) -> float:
        return self.plans / max(time.monotonic() - self.began_seconds, 0.001)


@frozen
class Report:
    """The end of a search."""

    finding: Finding | None
    plans: int
    seconds: float  # real
    cpu_seconds: float  # of this process and all workers
    complete: bool  # everything but chance has been tried


Tell = Callable[[Progress], None]


class NotReproducible(Exception):
    """Two runs of the same order differ: a scenario or a controller asks the outside."""


def search(
    scenario: Scenario,
    *,
    budget_seconds: float = 60.0,
    plans_most: int | None = None,
    seed: int = 0,
    jobs: int = 0,
    faults: Sequence[str] = (),
    tell: Tell = lambda progress: None,
) -> Report:
    """Look for a run that breaks. `jobs` 0: as many as there are cores.

    Raises PreparationFailed, NotReproducible, or ValueError for an unknown kind of fault.
    """
    wanted = kinds(faults)
    began, began_cpu = time.monotonic(), _cpu_seconds()
    with workers(scenario, jobs or os.cpu_count() or 1) as pool:
        one = _Search(scenario, pool, began + budget_seconds, plans_most, wanted, seed, tell)
        finding = one.find()
    return Report(
        finding,
        one.progress.plans,
        time.monotonic() - began,
        _cpu_seconds() - began_cpu,
        one.complete,
    )


class _Search:
    def __init__(
        self,
        scenario: Scenario,
        pool: list[Worker],
        deadline: float,
        plans_most: int | None,
        wanted: Sequence[str],
        seed: int,
        tell: Tell,
    ) -> None:
        self._scenario = scenario
        self._pool = pool
        self._deadline = deadline
        self._plans_most = plans_most
        self._wanted = wanted
        self._seed = seed
        self._tell = tell
        self.progress = Progress()
        self.complete = False

    def find(self) -> Finding | None:
        """All phases in turn."""
        reference = self._reference()
        if _broken(reference):
            return self._finding(Order(), reference)
        counts, targets = reference.counts, self._scenario.targets
        single = single_faults(counts, targets, self._wanted, self._scenario.nodes)
        travels = time_travels(counts, targets) if "time-travel" in self._wanted else []
        self.progress.points_in_all = len(single) + len(travels)
        phases: list[tuple[str, Iterable[Order]]] = [
            ("orders of tasks", (Order(seed=number) for number in range(1, SEEDS_FIRST + 1))),
            ("single faults", (Order(Plan((fault,))) for fault in single)),
            ("time travel", (Order(Plan((fault,))) for fault in travels)),
        ]
        for phase, orders in phases:
            found = self._try(phase, orders)
            if found is not None or self._spent():
                return found
        self.complete = True
        return self._try("chance", self._by_chance([*single, *travels]))

    def _by_chance(self, faults: Sequence[Fault]) -> Iterator[Order]:
        seed = self._seed
        while True:
            yield from random_orders(faults, seed, BATCH_PLANS, draw)
            seed += 1

    def _reference(self) -> Outcome:
        """The run without faults, twice: a search in what cannot be repeated finds nothing."""
        self.progress.phase = "reference run"
        self._tell(self.progress)
        runs = [outcome for _, outcome in play_all(self._pool, [Order(), Order()])]
        self.progress.plans += len(runs)
        if runs[0].digest != runs[1].digest:
            raise NotReproducible("two runs without faults differ; does something ask the outside?")
        return runs[0]

    def _try(self, phase: str, orders: Iterable[Order]) -> Finding | None:
        self.progress.phase = phase
        for order, outcome in play_all(self._pool, self._affordable(orders)):
            self.progress.plans += 1
            if phase != "chance" and order.plan.faults:
                self.progress.points += 1
            self._tell(self.progress)
            if _broken(outcome):
                drain(self._pool)
                return self._shrunk(order, outcome)
        return None

    def _affordable(self, orders: Iterable[Order]) -> Iterator[Order]:
        for order in orders:
            if self._spent():
                return
            yield order

    def _spent(self) -> bool:
        most = self._plans_most
        return time.monotonic() > self._deadline or (
            most is not None and self.progress.plans >= most
        )

    def _shrunk(self, order: Order, outcome: Outcome) -> Finding:
        """Leave out what is not needed: the seed, then one fault after the other."""
        self.progress.phase = "shrinking"
        found_after = self.progress.plans
        order, outcome = self._without(order, outcome, [evolve(order, seed=0)])
        position = 0
        while position < len(order.plan.faults):
            faults = order.plan.faults
            fewer = Plan(faults[:position] + faults[position + 1 :])
            smaller, found = self._without(order, outcome, [evolve(order, plan=fewer)])
            if smaller is order:
                position += 1
            order, outcome = smaller, found
        order, outcome = self._without(order, outcome, [evolve(order, seed=0)])
        return evolve(self._finding(order, outcome), found_after_plans=found_after)

    def _without(
        self, order: Order, outcome: Outcome, smaller: Sequence[Order]
    ) -> tuple[Order, Outcome]:
        for one, found in play_all(self._pool[:1], [o for o in smaller if o != order]):
            self._tell(self.progress)
            if _broken(found):
                return one, found
        return order, outcome

    def _finding(self, order: Order, outcome: Outcome) -> Finding:
        error = outcome.error
        violation = (
            outcome.violations[0]
            if outcome.violations
            else Violation("scenario", error.strip().splitlines()[-1], "", outcome.seconds)
        )
        return Finding(order, violation, outcome.digest, self.progress.plans, error)


def _broken(outcome: Outcome) -> bool:
    return bool(outcome.violations or outcome.error)


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
