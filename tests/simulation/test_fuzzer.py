"""The search finds what breaks, shrinks it, and what it found can be played again."""

import importlib
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from k8slite.faults.plan import Crash, Plan
from k8slite.fuzz.naming import UnknownName, name_of, scenario
from k8slite.fuzz.plans import kinds
from k8slite.fuzz.replay import BadReplay, Replay, load, save
from k8slite.fuzz.search import search
from k8slite.fuzz.workers import PreparationFailed, play_all, workers
from k8slite.sim.outcome import Order
from k8slite.sim.scenario import Scenario, play_once
from k8slite.sim.simulation import Simulation
from tests.simulation.scenarios import Web


class NeverTwice(Web):
    """Believes that a controller manager lives for ever."""

    def check(self, sim: Simulation) -> Sequence[str]:
        lives = sim.life("kube-controller-manager").number
        return () if lives == 1 else ("the controller manager has died",)


class Unprepared(Scenario):
    """Its object is none."""

    nodes = 0
    objects = ({"apiVersion": "v1", "kind": "Nonsense", "metadata": {"name": "x"}},)


class Uneventful(Scenario):
    """Nothing runs, nobody does anything: there is nowhere for a fault to strike."""

    nodes = 0
    builtin = ()
    scheduler = False


def test_a_forked_run_is_the_run_that_this_process_makes() -> None:
    orders = [
        Order(),
        Order(seed=3),
        Order(Plan((Crash("kube-controller-manager", write=3),)), 5),
    ]
    with workers(Web(), 2) as pool:
        found = dict(play_all(pool, orders))
    assert len({outcome.digest for outcome in found.values()}) == 3
    for order in orders:
        assert play_once(Web(), order) == found[order]


def test_a_library_that_ends_runs_at_a_fork_ends_none() -> None:
    importlib.import_module("trio_asyncio")  # as the store on a disk does
    with workers(Web(), 1) as pool:
        [(_, outcome)] = play_all(pool, [Order()])
    assert outcome.error == ""


def test_a_finding_is_shrunk_and_can_be_played_again(tmp_path: Path) -> None:
    report = search(NeverTwice(), budget_seconds=math.inf, plans_most=400, jobs=2, faults=["crash"])
    finding = report.finding
    assert finding is not None
    assert finding.violation.message == "the controller manager has died"
    assert len(finding.order.plan.faults) == 1
    assert finding.order.seed == 0
    file = tmp_path / "finding.json"
    save(file, Replay(name_of(NeverTwice()), finding.order, finding.violation, finding.digest))
    replay = load(file)
    outcome = play_once(scenario(replay.scenario), replay.order)
    assert outcome.digest == replay.digest
    assert outcome.violations == (replay.violation,)


def test_a_sound_scenario_gives_no_alarm() -> None:
    report = search(Web(), budget_seconds=math.inf, plans_most=60, jobs=2)
    assert report.finding is None
    assert report.plans >= 60


def test_where_no_fault_can_strike_only_the_order_of_tasks_is_tried() -> None:
    report = search(Uneventful(), budget_seconds=math.inf, plans_most=20, jobs=1, faults=["crash"])
    assert report.finding is None
    assert report.complete
    assert report.plans >= 20


def test_a_scenario_that_cannot_be_prepared_says_why() -> None:
    with pytest.raises(PreparationFailed, match="the cluster knows no Nonsense in v1"):
        search(Unprepared(), plans_most=1, jobs=1)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nothing", "not of the form MODULE:NAME"),
        ("no.such.module:X", "there is no module no"),
        ("tests.simulation.scenarios:Nobody", "has no Nobody"),
        ("tests.simulation.scenarios:PODS", "is no k8slite.sim.scenario.Scenario"),
    ],
)
def test_a_wrong_name_is_refused_with_a_reason(name: str, complaint: str) -> None:
    with pytest.raises(UnknownName, match=complaint):
        scenario(name)


@pytest.mark.parametrize("text", ["", "[]", '{"replay": 2}', '{"replay": 1, "scenario": 3}'])
def test_a_file_that_is_no_replay_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(BadReplay):
        load(file)


def test_unknown_kinds_of_faults_are_refused() -> None:
    assert kinds(["crash", "error"]) == ("crash", "refuse", "lose-reply", "delay")
    with pytest.raises(ValueError, match="there is no fault flood"):
        kinds(["flood"])
