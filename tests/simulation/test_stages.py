"""KWOK's Stages are played in simulations too."""

from k8slite.sim.scenario import play_once
from tests.simulation.scenarios_stages import StagedUndisturbed


def test_stages_end_what_they_hold() -> None:
    outcome = play_once(StagedUndisturbed())
    assert (outcome.violations, outcome.error) == ((), "")
