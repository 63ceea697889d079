"""Evictions and what budgets say of them: broken and held."""

from __future__ import annotations

import pytest

from k8slite.sim.checks.budgets import BUDGETS, CONTROLLER, Budgets
from tests.simulation.test_checks import EVERYTHING, Json, Story, thing

PODS = "pods/"
EVICTION = "POST /api/v1/namespaces/default/pods/a/eviction"
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


def pod(name: str, status: Json = READY, **metadata: str) -> Json:
    return thing(name, metadata={"labels": {"app": "web"}, **metadata}, status=status)


def budget(allowed: int = 0, healthy: int = 2, generation: int = 1, **status: Json) -> Json:
    said = {
        "observedGeneration": generation,
        "desiredHealthy": 2,
        "currentHealthy": healthy,
        "expectedPods": 3,
        "disruptionsAllowed": allowed,
        **status,
    }
    spec = {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}
    return thing("b", metadata={"generation": 1}, spec=spec, status=said)


def story(*names: str) -> Story:
    found = Story(Budgets, EVERYTHING | {CONTROLLER})
    found.write(BUDGETS, budget())
    for name in names:
        found.write(PODS, pod(name))
    return found


def test_an_eviction_leaves_enough() -> None:
    found = story("a", "b", "c")
    found.write(PODS, pod("a", deletionTimestamp="x"), request=EVICTION)
    found.ends_with()


@pytest.mark.parametrize("at_once", [False, True])
def test_an_eviction_leaves_too_few(at_once: bool) -> None:
    found = story("a", "b")
    if at_once:
        found.write(PODS, None, EVICTION, name="shop/a")
    else:
        found.write(PODS, pod("a", deletionTimestamp="x"), request=EVICTION)
    found.write(BUDGETS, budget(healthy=1))
    found.ends_with("a was evicted, and policy.poddisruptionbudgets/shop/b has 1 healthy pods")


def test_what_was_lost_otherwise_is_not_held_against_it() -> None:
    found = story("a", "b", "c")
    found.write(PODS, pod("c", {}))
    found.write(PODS, pod("a", deletionTimestamp="x"), request=EVICTION)
    found.write(BUDGETS, budget(healthy=1))
    found.ends_with()


def test_one_that_is_not_ready_may_go() -> None:
    found = story("a", "b")
    found.write(PODS, pod("c", {}))
    found.write(PODS, pod("c", {}, deletionTimestamp="x"), request=EVICTION)
    found.ends_with()


def test_the_status_is_true_at_rest() -> None:
    def ends(status: Json, *complaints: str) -> None:
        found = story("a", "b", "c")
        found.write(BUDGETS, status)
        found.ends_with(*complaints)

    ends(budget(1, 3))
    ends(budget(1, 2), "counts 2 healthy pods of 3")
    ends(budget(0, 3), "allows 0 disruptions, not 1")
    ends(budget(1, 3, 0), "a status of another generation")
    ends(budget(1, 3, disruptedPods={"a": "x"}), "still waits for pods to go: ['a']")
