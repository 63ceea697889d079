"""Each historic bug is found again, shrunk and replayed; its fixed twin gives no alarm."""

import logging
from types import ModuleType

import pytest

from k8slite.fuzz.search import search
from k8slite.sim.scenario import play_once
from tests.simulation.historic import bugs

PLANS_MOST = 2_000
FAULTS_MOST = 3
TWIN_PLANS = 25  # `make historic` tries more


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1)


@pytest.mark.parametrize("bug", bugs().values(), ids=bugs().keys())
def test_a_bug_is_found_and_its_twin_is_not(bug: ModuleType) -> None:
    finding = search(bug.Buggy(), plans_most=PLANS_MOST, budget_seconds=300.0, jobs=1).finding
    assert finding is not None
    assert finding.error == ""
    assert len(finding.order.plan.faults) <= FAULTS_MOST
    again = play_once(bug.Buggy(), finding.order)
    assert again.digest == finding.digest
    assert again.violations[0] == finding.violation
    twin = search(bug.Fixed(), plans_most=TWIN_PLANS, budget_seconds=300.0, jobs=1)
    assert twin.finding is None


def test_every_bug_of_the_benchmark_is_here() -> None:
    kubernetes = "K1 K2 K3 K5 K6 K8 K9 K11 K12 K14 K16 K17 K19"
    operators = "O1 O3 O5 O7 O8 O11 O12"
    assert list(bugs()) == [*kubernetes.split(), *operators.split()]
