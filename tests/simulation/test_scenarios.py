"""Every scenario that `make sim` sweeps comes to a good end where nothing strikes."""

import logging

import pytest

from k8slite.sim.outcome import Order
from k8slite.sim.scenario import Scenario, play_once
from tests.simulation.swept import SWEPT


@pytest.mark.parametrize("scenario", SWEPT, ids=lambda scenario: scenario.__name__)
def test_it_ends_well(scenario: type[Scenario], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1)
    outcome = play_once(scenario(), Order())
    assert (outcome.violations, outcome.error) == ((), "")
