"""Fuzzing as a test: `fuzz(MyScenario)` fails with the story of the run that breaks.

def test_websites_survive_everything() -> None:
    k8slite.testing.fuzz(Websites)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from k8slite.fuzz.naming import name_of
from k8slite.fuzz.replay import Replay, load, save
from k8slite.fuzz.search import Report, search
from k8slite.sim.outcome import Order, Outcome, Record
from k8slite.sim.scenario import Scenario, play_once
from k8slite.sim.story import story

PLANS: Final = 500  # a few seconds' worth


class Found(AssertionError):
    """A scenario broke; the text is the run's story."""


def fuzz(
    scenario: type[Scenario] | Scenario,
    *,
    plans: int | None = PLANS,
    budget_seconds: float = 60.0,
    seed: int = 0,
    jobs: int = 1,
    faults: Sequence[str] = (),
    save_to: Path | None = None,
) -> Report:
    """Search for the faults that break a scenario; raises Found for the first that do.

    Ends after so many `plans` or so many real seconds, whichever is first; None: only the seconds
    count. `faults` are kinds as on the command line ("crash", "stale"). `save_to` is the file that
    a finding is written to, for `replay` or `k8slite fuzz --replay`.
    """
    one = scenario() if isinstance(scenario, type) else scenario
    report = search(
        one, budget_seconds=budget_seconds, plans_most=plans, seed=seed, jobs=jobs, faults=faults
    )
    finding = report.finding
    if finding is None:
        return report
    if save_to is not None:
        save(save_to, Replay(name_of(one), finding.order, finding.violation, finding.digest))
    record = Record(finding.order, one.title())
    outcome = play_once(one, finding.order, record)
    raise Found(f"{story(record, outcome)}\n{finding.error}".rstrip())


def replay(scenario: type[Scenario] | Scenario, file: Path | Order) -> Outcome:
    """Play a saved finding (or an order) once; for tests that keep what was found."""
    one = scenario() if isinstance(scenario, type) else scenario
    return play_once(one, load(file).order if isinstance(file, Path) else file)
