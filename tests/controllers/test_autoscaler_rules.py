"""How far and how fast an autoscaler goes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from k8slite.controllers.autoscaling.autoscaler_rules import History, ruled
from k8slite.kinds.autoscaling.models import Behavior, ScalingPolicy, ScalingRules

NOW = datetime(2026, 1, 1, tzinfo=UTC)
USUAL_UP = ScalingRules(0, "Max", (ScalingPolicy("Pods", 4, 15), ScalingPolicy("Percent", 100, 15)))
USUAL_DOWN = ScalingRules(None, "Max", (ScalingPolicy("Percent", 100, 15),))


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def settle(wanted: int, current: int, behavior: Behavior | None = None, **given: Any) -> Any:
    history = given.pop("history", None) or History()
    limits = {"least": 1, "most": 100, "now": NOW, **given}
    return ruled(history, behavior, current, wanted, **limits)


@pytest.mark.parametrize(
    ("current", "wanted", "expected", "reason"),
    [
        (3, 3, 3, "DesiredWithinRange"),
        (3, 5, 5, "DesiredWithinRange"),
        (1, 50, 4, "ScaleUpLimit"),
        (10, 50, 20, "ScaleUpLimit"),
        (60, 200, 100, "TooManyReplicas"),
        (3, 1, 2, "TooFewReplicas"),
    ],
)
def test_without_behavior(current: int, wanted: int, expected: int, reason: str) -> None:
    found = settle(wanted, current, least=2)
    assert (found.replicas, found.limit[0]) == (expected, reason)
    assert found.limited == (reason != "DesiredWithinRange")


def test_nothing_shrinks_below_what_was_wanted_lately() -> None:
    history = History()
    settle(8, 8, history=history)
    found = settle(3, 8, history=history, now=after(200))
    assert (found.replicas, found.able[0]) == (8, "ScaleDownStabilized")
    found = settle(3, 8, history=history, now=after(301))
    assert (found.replicas, found.able[0]) == (3, "ReadyForNewScale")


def test_windows_of_ones_own() -> None:
    up = ScalingRules(60, "Max", USUAL_UP.policies)
    behavior = Behavior(up, ScalingRules(30, "Max", USUAL_DOWN.policies))
    history = History()
    settle(4, 4, behavior, history=history)
    found = settle(6, 4, behavior, history=history, now=after(30))
    assert (found.replicas, found.able[0]) == (4, "ScaleUpStabilized")
    assert settle(6, 4, behavior, history=history, now=after(61)).replicas == 6
    assert settle(5, 6, behavior, history=history, now=after(70)).replicas == 6
    assert settle(5, 6, behavior, history=history, now=after(101)).replicas == 5


def test_the_usual_behavior() -> None:
    behavior = Behavior(USUAL_UP, USUAL_DOWN)
    assert settle(50, 1, behavior).replicas == 5  # 4 pods are more than 100 %
    assert settle(50, 10, behavior).replicas == 20
    assert settle(1, 10, behavior, least=1).replicas == 1


def test_what_was_done_lately_counts() -> None:
    behavior = Behavior(ScalingRules(0, "Max", (ScalingPolicy("Pods", 4, 60),)), USUAL_DOWN)
    history = History()
    history.scaled(2, 5, behavior, NOW)
    found = settle(50, 5, behavior, history=history, now=after(30))
    assert (found.replicas, found.limit[0]) == (6, "ScaleUpLimit")
    assert settle(50, 6, behavior, history=history, now=after(61)).replicas == 10


@pytest.mark.parametrize(("select", "expected"), [("Max", 5), ("Min", 8), ("Disabled", 10)])
def test_policies_are_chosen_on_the_way_down(select: str, expected: int) -> None:
    policies = (ScalingPolicy("Pods", 2, 60), ScalingPolicy("Percent", 50, 60))
    behavior = Behavior(USUAL_UP, ScalingRules(0, select, policies))
    found = settle(1, 10, behavior)
    assert (found.replicas, found.limit[0]) == (expected, "ScaleDownLimit")
