"""What /metrics tells of the cluster's components: whether they run, their queues, and what each
measures itself.

Names and labels are upstream's, but for those of k8slite's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from k8slite.actors import Supervisor
from k8slite.client.workqueue import WorkQueue
from k8slite.objects.measures import Family, Histogram, Reading, Sample

_NAME: Final = ("name",)


def supervised(supervisor: Supervisor) -> Iterable[Family]:
    """Components that run, and how often they had to be started again."""

    def read(amount: Callable[[str], float]) -> Callable[[], list[Sample]]:
        return lambda: [((name,), amount(name)) for name in sorted(supervisor.conditions)]

    yield Reading(
        "k8slite_component_restarts",
        "How often a component was restarted.",
        read(lambda name: float(supervisor.conditions[name].restarts)),
        ("component",),
    )
    yield Reading(
        "k8slite_component_running",
        "Whether a component runs.",
        read(lambda name: float(supervisor.conditions[name].running)),
        ("component",),
    )


def queued(queues: Mapping[str, WorkQueue]) -> Iterable[Family]:
    """The queues of controllers (upstream: `component-base/metrics/prometheus/workqueue`)."""

    def read(amount: Callable[[WorkQueue], float]) -> Callable[[], list[Sample]]:
        return lambda: [((name,), amount(queues[name])) for name in sorted(queues)]

    for name, help_text, sort, amount in _QUEUES:
        yield Reading(f"workqueue_{name}", f"[BETA] {help_text}", read(amount), _NAME, sort)
    for which in ("waits", "works"):
        together: Histogram | None = None
        for name in sorted(queues):
            own: Histogram = getattr(queues[name], which)
            if together is None:
                together = Histogram(own.name, own.help, own.bounds, _NAME)
            together.found[(name,)] = own.row()
        if together is not None:
            yield together


_QUEUES: Final[tuple[tuple[str, str, str, Callable[[WorkQueue], float]], ...]] = (
    ("depth", "Current depth of workqueue", "gauge", lambda one: float(len(one))),
    ("adds_total", "Total number of adds handled by workqueue", "counter", lambda one: one.adds),
    (
        "retries_total",
        "Total number of retries handled by workqueue",
        "counter",
        lambda one: one.retries,
    ),
    (
        "unfinished_work_seconds",
        "How many seconds of work has done that is in progress and hasn't been observed by "
        "work_duration.",
        "gauge",
        lambda one: sum(one.in_work_seconds()),
    ),
    (
        "longest_running_processor_seconds",
        "How many seconds has the longest running processor for workqueue been running.",
        "gauge",
        lambda one: max(one.in_work_seconds(), default=0.0),
    ),
)
