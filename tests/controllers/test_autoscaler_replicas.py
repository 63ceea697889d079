"""How many replicas a metric asks for, by upstream's rules for pods that are not ready."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from k8slite.controllers.autoscaling.autoscaler_metrics import NoMetrics, PodMetric
from k8slite.controllers.autoscaling.autoscaler_replicas import (
    Tolerances,
    by_average,
    by_utilization,
    by_value,
    by_value_per_pod,
)
from k8slite.kinds.core.models import Pod
from k8slite.objects.structure import structure

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
USUAL = Tolerances()


def pod(name: str, phase: str = "Running", *, ready: bool = True, **rest: Any) -> Pod:
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "lastTransitionTime": "2026-01-01T11:00:00Z",
    }
    started = rest.pop("started", "2026-01-01T11:00:00Z")
    return structure(
        {
            "metadata": {"name": name, "namespace": "ns", **rest},
            "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]},
            "status": {"phase": phase, "startTime": started, "conditions": [condition]},
        },
        Pod,
    )


def used(*milli: int) -> dict[str, PodMetric]:
    return {f"p{number}": PodMetric(value, NOW) for number, value in enumerate(milli)}


def of(count: int) -> list[Pod]:
    return [pod(f"p{number}") for number in range(count)]


def utilization(pods: list[Pod], metrics: dict[str, PodMetric], target: int = 50) -> Any:
    return by_utilization(len(pods), target, "cpu", "", pods, metrics, NOW, USUAL)


@pytest.mark.parametrize(
    ("measured", "replicas"),
    [((500, 500), 2), ((540, 540), 2), ((800, 800), 4), ((1000, 900), 4), ((200, 200), 1)],
)
def test_all_pods_are_measured(measured: tuple[int, ...], replicas: int) -> None:
    found = utilization(of(2), used(*measured))
    assert found.replicas == replicas
    assert found.utilization == sum(measured) // 20
    assert found.average_milli == sum(measured) // 2


def test_missing_pods_speak_against_a_change() -> None:
    pods = of(4)
    # Growing: the missing two count as idle.
    assert utilization(pods, used(1500, 1500)).replicas == 6
    # Shrinking: they count as fully used.
    assert utilization(pods, used(100, 100)).replicas == 4
    # The direction would turn.
    assert utilization(pods, used(600, 600)).replicas == 4


def test_unready_pods_count_only_against_growth() -> None:
    pods = [pod("p0"), pod("p1", "Pending"), pod("p2", ready=False)]
    assert utilization(pods, used(1800, 0, 1000)).replicas == 4
    assert utilization(pods, used(100, 0, 0)).replicas == 1


def test_pods_that_go_or_failed_do_not_count() -> None:
    gone = pod("p1", deletionTimestamp="2026-01-01T11:59:00Z")
    pods = [pod("p0"), gone, pod("p2", "Failed")]
    assert utilization(pods, used(1000, 5000, 5000)).replicas == 2


def test_a_pod_that_has_just_started_is_not_believed() -> None:
    young = pod("p1", started="2026-01-01T11:59:00Z")
    old = {"p0": PodMetric(500, NOW), "p1": PodMetric(9000, NOW - timedelta(hours=2))}
    assert by_utilization(2, 50, "cpu", "", [pod("p0"), young], old, NOW, USUAL).replicas == 2


def test_averages_of_a_custom_metric() -> None:
    found = by_average(3, 10_000, "", of(3), used(20_000, 10_000, 30_000), NOW, USUAL)
    assert (found.replicas, found.average_milli) == (6, 20_000)


def test_values_for_all_pods_together() -> None:
    assert by_value(2, 10_000, 25_000, of(2), USUAL).replicas == 5
    assert by_value(2, 10_000, 10_500, of(2), USUAL).replicas == 2
    assert by_value(0, 10_000, 25_000, [], USUAL).replicas == 3
    found = by_value_per_pod(4, 10_000, 90_000, USUAL)
    assert (found.replicas, found.average_milli) == (9, 22_500)
    assert by_value_per_pod(4, 10_000, 41_000, USUAL).replicas == 4


def test_tolerances_of_ones_own() -> None:
    loose = Tolerances(up=0.5, down=0.0)
    pods = of(2)
    found = by_utilization(2, 50, "cpu", "", pods, used(700, 700), NOW, loose)
    assert found.replicas == 2
    found = by_utilization(2, 50, "cpu", "", pods, used(240, 240), NOW, loose)
    assert found.replicas == 1


def test_what_is_not_known_is_said() -> None:
    with pytest.raises(NoMetrics, match="no pods returned by selector"):
        utilization([], used(1))
    with pytest.raises(NoMetrics, match="did not receive metrics for targeted pods"):
        utilization([pod("p0", "Pending")], used(1))
    with pytest.raises(NoMetrics, match="missing request for memory in container c of Pod p0"):
        by_utilization(1, 50, "memory", "", of(1), used(1), NOW, USUAL)
