"""Every kind of fault finds its point, leaves a run that can be repeated, and heals."""

import logging

import pytest

from k8slite.faults.plan import (
    FAULTS,
    Crash,
    CrashStore,
    CutWatch,
    Delay,
    DeleteObject,
    FailContainer,
    Fault,
    HoldWatch,
    LoseEvents,
    LoseReply,
    PartitionNode,
    Pause,
    Plan,
    Refuse,
    Repeat,
    RepeatEvent,
    SkewClock,
    StaleReads,
    TimeTravel,
)
from k8slite.sim.outcome import Order, Outcome, Record, Struck
from k8slite.sim.scenario import play_once
from tests.simulation.historic import k6_duplicate_slice as k6
from tests.simulation.scenarios import Rollout, Web

MANAGER = "kube-controller-manager"
STRUCK: tuple[Fault, ...] = (
    Crash(MANAGER, write=2),
    Crash("kube-scheduler", event=2),
    Crash("kubelet", write=1),
    TimeTravel(MANAGER, commit=3, write=4),
    LoseReply("kube-scheduler", 1),
    Refuse(MANAGER, 1, 409),
    Refuse("kubelet", 2, 500),
    Delay(MANAGER, 2, 7.0),
    Repeat("kube-scheduler", 1),
    HoldWatch("kubelet", "pods", 2),
    HoldWatch(MANAGER, "replicasets.apps", 1, 400.0),
    LoseEvents(MANAGER, "pods", 3),
    CutWatch("kube-scheduler", "pods", 2),
    CutWatch("kube-scheduler", "pods", 2, expired=True),
    RepeatEvent(MANAGER, "deployments.apps", 1),
    Pause(MANAGER, 3),
    StaleReads("kube-scheduler", 3),
    SkewClock("kubelet", 2),
    CrashStore(4),
    PartitionNode("node-1", 6),
    *(FailContainer(2, how) for how in ("exit", "oom", "slow", "probe")),
)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1)


def test_a_run_without_faults_breaks_nothing() -> None:
    outcome = play_once(Web())
    assert (outcome.violations, outcome.error) == ((), "")
    assert outcome.creates["pods/"] == 3
    assert outcome.counts.starts == 3
    assert outcome.counts.writes[MANAGER] > 5


@pytest.mark.parametrize("fault", STRUCK, ids=str)
def test_a_fault_strikes_and_the_cluster_gets_over_it(fault: Fault) -> None:
    order = Order(Plan((fault,)))
    record = Record(order, "Web")
    outcome = play_once(Web(), order, record)
    assert [one.fault for one in record.entries if isinstance(one, Struck)] == [fault]
    assert (outcome.violations, outcome.error) == ((), "")
    assert play_once(Web(), order) == outcome, "a record changes nothing"


def test_every_kind_of_fault_is_tried_here() -> None:
    assert {type(fault) for fault in STRUCK} | {DeleteObject} == set(FAULTS.values())


def test_a_user_may_delete_and_make_anew() -> None:
    fault = DeleteObject("deployments.apps", "default", "web", 3, recreate=True)
    outcome = play_once(Rollout(), Order(Plan((fault,))))
    assert outcome.struck == 1
    assert outcome.deletes["apps.deployments/"] == 1
    assert outcome.error == ""


@pytest.mark.parametrize("second", [1, 2, 3])
def test_a_server_that_is_down_does_not_crash(second: int) -> None:
    outcome = play_once(k6.Fixed(), Order(Plan((CrashStore(2), CrashStore(second)))))
    assert outcome.struck >= 1
    assert (outcome.violations, outcome.error) == ((), "")


@pytest.mark.parametrize(
    "fault", [Crash(MANAGER, write=10_000), HoldWatch("kubelet", "pods", 10_000)], ids=str
)
def test_a_fault_beyond_the_end_does_not_strike(fault: Fault) -> None:
    outcome = play_once(Web(), Order(Plan((fault,))))
    assert outcome.struck == 0
    assert outcome.digest == play_once(Web()).digest


def test_seeds_are_different_orders_and_all_end_well() -> None:
    outcomes: list[Outcome] = [play_once(Web(), Order(seed=seed)) for seed in range(4)]
    assert len({one.digest for one in outcomes}) == 4
    assert all(not one.violations and not one.error for one in outcomes)


def test_a_plan_survives_a_file() -> None:
    plan = Plan(STRUCK)
    assert Plan.load(plan.dump()) == plan


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        ({}, "a plan is a list"),
        ([{"fault": "flood"}], "is no fault; `fault` must be one of crash"),
        ([{"fault": "crash"}], "lacks: process"),
        ([{"fault": "crash", "process": "x", "wirte": 1}], "unknown fields: wirte"),
        ([{"fault": "crash", "process": "x", "write": "1"}], "wrong type in: write"),
    ],
)
def test_a_bad_plan_is_refused_with_a_reason(found: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Plan.load(found)
