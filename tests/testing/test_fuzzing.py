"""Fuzzing from pytest, and strategies whose objects an API server takes."""

import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from k8slite import testing
from k8slite.faults.plan import Plan
from k8slite.sim.outcome import Order
from k8slite.sim.scenario import play_once
from k8slite.testing import strategies
from k8slite.testing.fuzzing import Found, replay
from tests.simulation.scenarios import Web
from tests.simulation.test_fuzzer import NeverTwice


def test_a_finding_fails_the_test_with_its_story(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    with pytest.raises(Found) as failure:
        testing.fuzz(NeverTwice, plans=300, faults=["crash"], save_to=file)
    assert ">>> FAULT crash" in str(failure.value)
    assert "BROKEN NeverTwice: the controller manager has died" in str(failure.value)
    assert replay(NeverTwice, file).violations


def test_a_sound_scenario_passes() -> None:
    assert testing.fuzz(Web, plans=30).plans >= 30


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(plan=strategies.plans(["kube-controller-manager", "kubelet"], ["pods", "replicasets.apps"]))
def test_whatever_goes_wrong_three_pods_run_in_the_end(plan: Plan) -> None:
    logging.disable(logging.CRITICAL)
    try:
        outcome = play_once(Web(), Order(plan))
    finally:
        logging.disable(logging.NOTSET)
    assert (outcome.violations, outcome.error) == ((), "")


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(objects=strategies.manifests())
def test_what_strategies_draw_is_taken(objects: list[dict[str, object]]) -> None:
    class Drawn(Web):
        nodes = 1

        def check(self, sim: object) -> tuple[str, ...]:
            return ()

    Drawn.objects = objects
    outcome = play_once(Drawn())
    assert outcome.error == ""
