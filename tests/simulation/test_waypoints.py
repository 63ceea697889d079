"""A run that sets out half way is the one from the begin, bit for bit."""

from __future__ import annotations

import pytest

from k8slite.faults.plan import (
    Crash,
    CrashStore,
    CutWatch,
    FailContainer,
    Fault,
    Plan,
    Refuse,
    TimeTravel,
)
from k8slite.faults.position import Position
from k8slite.fuzz.plans import kinds, single_faults, time_travels
from k8slite.fuzz.workers import play_all, workers
from k8slite.sim.outcome import Order
from k8slite.sim.scenario import play_once
from tests.simulation.scenarios import Web

HALF_WAY = Position(
    commits=10,
    starts=2,
    writes={"kubelet": 4},
    events={"kubelet": {"pods": 6}},
    all_events={"kubelet": 8},
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Refuse("kubelet", write=4), Refuse("kubelet", write=5)),
        (Crash("kubelet", write=4), Crash("kubelet", write=5)),
        (Crash("kubelet", event=8), Crash("kubelet", event=9)),
        (CutWatch("kubelet", "pods", 6), CutWatch("kubelet", "pods", 7)),
        (CrashStore(commit=10), CrashStore(commit=11)),
        (FailContainer(start=2), FailContainer(start=3)),
        (TimeTravel("kubelet", commit=10, write=5), TimeTravel("kubelet", commit=11, write=5)),
        (TimeTravel("kubelet", commit=11, write=4), Refuse("kube-scheduler", write=1)),
    ],
)
def test_a_place_precedes_what_can_only_strike_later(before: Fault, after: Fault) -> None:
    assert not HALF_WAY.precedes(Plan((before,)))
    assert HALF_WAY.precedes(Plan((after,)))
    assert not HALF_WAY.precedes(Plan((after, before)))


def test_runs_that_set_out_late_are_those_from_the_begin() -> None:
    with workers(Web(), 1) as pool:
        [(_, reference)] = play_all(pool, [Order()])
        counts = reference.counts
        faults = [*single_faults(counts, (), kinds(), 3), *time_travels(counts, ())]
        last = {type(fault): fault for fault in faults}  # of each kind the one that comes last
        orders = [Order(Plan((fault,))) for fault in last.values()]
        orders.append(Order(Plan((*orders[0].plan.faults, *orders[1].plan.faults))))
        found = dict(play_all(pool, orders))
        again = dict(play_all(pool, orders[:2]))
    assert len(orders) > 8
    for order in orders:
        assert found[order] == play_once(Web(), order), order
    assert all(found[order] == outcome for order, outcome in again.items())
    assert sum(outcome.struck for outcome in found.values()) >= len(orders)
