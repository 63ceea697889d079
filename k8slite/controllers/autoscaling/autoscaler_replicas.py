"""How many replicas a metric asks for (upstream: `podautoscaler/replica_calculator.go`). Pure.

Pods that have just started or are not ready are left out at first, those of which nothing was
measured too; before a size is changed, they count as if they spoke against the change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from k8slite.controllers.autoscaling.autoscaler_metrics import NoMetrics, PodMetric
from k8slite.kinds.autoscaling.models import Behavior
from k8slite.kinds.core.models import Pod
from k8slite.objects.quantity import milli

# Upstream's defaults: how long processor time of a starting pod means nothing, how long a pod may
# take to be ready for the first time, and how far from its target a metric may be.
INITIALIZATION: Final = timedelta(minutes=5)
INITIAL_READINESS: Final = timedelta(seconds=30)
TOLERANCE: Final = 0.1


@frozen
class Tolerances:
    """How far a metric may be off its target before anything is done."""

    up: float = TOLERANCE
    down: float = TOLERANCE

    @classmethod
    def of(cls, behavior: Behavior | None) -> Tolerances:
        """As the autoscaler asks for them."""
        up = behavior.scale_up if behavior is not None else None
        down = behavior.scale_down if behavior is not None else None
        return cls(
            TOLERANCE if up is None or up.tolerance is None else milli(up.tolerance) / 1000,
            TOLERANCE if down is None or down.tolerance is None else milli(down.tolerance) / 1000,
        )

    def hold(self, ratio: float) -> bool:
        """Whether a ratio of usage to target is near enough to 1."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


@frozen
class Proposal:
    """A number of replicas and the value that led to it."""

    replicas: int
    average_milli: int
    utilization: int | None = None  # per cent of what was requested


@frozen
class _Groups:
    ready: int
    unready: tuple[str, ...]
    missing: tuple[str, ...]
    measured: dict[str, int]  # in thousandths, of the ready ones only


def by_utilization(
    current: int,
    target_percent: int,
    resource: str,
    container: str,
    pods: Sequence[Pod],
    metrics: Mapping[str, PodMetric],
    now: datetime,
    tolerances: Tolerances,
) -> Proposal:
    """For a target in per cent of what the pods request. Raises NoMetrics."""
    groups = _grouped(pods, metrics, resource, now)
    requests = _requests(pods, container, resource)

    def ratio(measured: Mapping[str, int]) -> tuple[float, int, int]:
        known = [pod for pod in measured if pod in requests]
        requested = sum(requests[pod] for pod in known)
        if not requested:
            raise NoMetrics("no metrics returned matched known pods")
        used = sum(measured[pod] for pod in known)
        percent = used * 100 // requested
        return percent / target_percent, percent, used // len(known)

    first, percent, average = ratio(groups.measured)
    most = max(100, target_percent)
    full = {pod: requests[pod] * most // 100 for pod in groups.missing}
    replicas = _replicas(current, groups, first, full, lambda all_: ratio(all_)[0], tolerances)
    return Proposal(replicas, average, percent)


def by_average(
    current: int,
    target_milli: int,
    resource: str,
    pods: Sequence[Pod],
    metrics: Mapping[str, PodMetric],
    now: datetime,
    tolerances: Tolerances,
) -> Proposal:
    """For a target that each pod is to have on average; `resource` "" for a custom metric.

    Raises NoMetrics.
    """
    groups = _grouped(pods, metrics, resource, now)

    def average(measured: Mapping[str, int]) -> int:
        return sum(measured.values()) // len(measured)

    usage = average(groups.measured)
    full = dict.fromkeys(groups.missing, target_milli)
    replicas = _replicas(
        current,
        groups,
        usage / target_milli,
        full,
        lambda all_: average(all_) / target_milli,
        tolerances,
    )
    return Proposal(replicas, usage)


def by_value(
    current: int, target_milli: int, usage_milli: int, pods: Sequence[Pod], tolerances: Tolerances
) -> Proposal:
    """For a value that is to be reached however many pods there are. Raises NoMetrics."""
    ratio = usage_milli / target_milli
    if current == 0:
        return Proposal(math.ceil(ratio), usage_milli)
    if tolerances.hold(ratio):
        return Proposal(current, usage_milli)
    if not pods:
        text = "no pods returned by selector while calculating replica count"
        raise NoMetrics(f"unable to calculate ready pods: {text}")
    ready = sum(pod.status.phase == "Running" and pod.ready for pod in pods)
    return Proposal(math.ceil(ratio * ready), usage_milli)


def by_value_per_pod(
    status_replicas: int, target_milli: int, usage_milli: int, tolerances: Tolerances
) -> Proposal:
    """For a value that is shared out among the pods."""
    replicas = status_replicas
    ratio = usage_milli / (target_milli * replicas) if replicas else math.inf
    if not tolerances.hold(ratio):
        replicas = math.ceil(usage_milli / target_milli)
    average = math.ceil(usage_milli / status_replicas) if status_replicas else usage_milli
    return Proposal(replicas, average)


def _replicas(
    current: int,
    groups: _Groups,
    ratio: float,
    full: Mapping[str, int],
    again: Callable[[Mapping[str, int]], float],
    tolerances: Tolerances,
) -> int:
    """What a first ratio asks for, held against the pods that it leaves out.

    `full` is what pods of which nothing is known count as when the size is to shrink.
    """
    growing_unready = bool(groups.unready) and ratio > 1.0
    if not growing_unready and not groups.missing:
        return current if tolerances.hold(ratio) else math.ceil(ratio * groups.ready)
    measured = dict(groups.measured)
    if ratio < 1.0:
        measured.update(full)
    elif ratio > 1.0:
        measured.update(dict.fromkeys(groups.missing, 0))
    if growing_unready:
        measured.update(dict.fromkeys(groups.unready, 0))
    second = again(measured)
    turned = (ratio < 1.0 < second) or (second < 1.0 < ratio)
    if tolerances.hold(second) or turned:
        return current
    replicas = math.ceil(second * len(measured))
    if (second < 1.0 and replicas > current) or (second > 1.0 and replicas < current):
        return current
    return replicas


def _grouped(
    pods: Sequence[Pod], metrics: Mapping[str, PodMetric], resource: str, now: datetime
) -> _Groups:
    """Upstream: `groupPods`. Raises NoMetrics where no pod counts."""
    if not pods:
        raise NoMetrics("no pods returned by selector while calculating replica count")
    left = {name: metric.milli for name, metric in metrics.items()}
    unready: list[str] = []
    missing: list[str] = []
    ready = 0
    for pod in pods:
        name = pod.metadata.name
        if pod.metadata.deletion_timestamp is not None or pod.status.phase == "Failed":
            left.pop(name, None)
        elif pod.status.phase == "Pending":
            unready.append(name)
        elif name not in metrics:
            missing.append(name)
        elif resource == "cpu" and _starting(pod, metrics[name], now):
            unready.append(name)
        else:
            ready += 1
    for name in unready:
        left.pop(name, None)
    if not left:
        raise NoMetrics("did not receive metrics for targeted pods (pods might be unready)")
    return _Groups(ready, tuple(unready), tuple(missing), left)


def _starting(pod: Pod, metric: PodMetric, now: datetime) -> bool:
    """Whether what a pod was measured with may be the cost of its start."""
    condition, started = pod.condition("Ready"), pod.status.start_time
    if condition is None or started is None or condition.last_transition_time is None:
        return True
    since = condition.last_transition_time
    if started + INITIALIZATION > now:
        window = timedelta(seconds=metric.window_seconds)
        return condition.status == "False" or metric.moment < since + window
    return condition.status == "False" and started + INITIAL_READINESS > since


def _requests(pods: Iterable[Pod], container: str, resource: str) -> dict[str, int]:
    """What pods request, in thousandths. Raises NoMetrics where one does not say."""
    found: dict[str, int] = {}
    for pod in pods:
        spec = pod.spec
        sidecars = [one for one in spec.init_containers if one.restart_policy == "Always"]
        together = 0
        for one in (*spec.containers, *sidecars):
            if container not in ("", one.name):
                continue
            if resource not in one.resources.requests:
                name = pod.metadata.name
                raise NoMetrics(
                    f"missing request for {resource} in container {one.name} of Pod {name}"
                )
            together += milli(one.resources.requests[resource])
        found[pod.metadata.name] = together
    return found
