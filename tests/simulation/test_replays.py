"""What `make sim` has found in k8slite itself, once; each file is a plan that broke something."""

import logging
from pathlib import Path

import pytest

from k8slite.fuzz.naming import scenario
from k8slite.fuzz.replay import load
from k8slite.sim.scenario import play_once

REPLAYS = sorted((Path(__file__).parent / "replays").glob("*.json"))


@pytest.mark.parametrize("path", REPLAYS, ids=lambda path: path.stem)
def test_it_stays_mended(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1)
    replay = load(path)
    assert replay.violation is not None, "what it was that broke"
    outcome = play_once(scenario(replay.scenario), replay.order)
    assert (outcome.violations, outcome.error) == ((), "")


def test_there_are_some() -> None:
    assert len(REPLAYS) >= 3
