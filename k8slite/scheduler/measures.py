"""What the scheduler counts and times, under upstream's names (`pkg/scheduler/metrics`).

An attempt lasts from the pod's leaving the queue until its binding is certain, or until it is
refused. The time between is that of trio's clock.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import trio
from attrs import define, field

from k8slite.objects.measures import Counter, Family, Histogram, Reading, Sample, exponential
from k8slite.scheduler.queue import Place, Queued

SCHEDULED: Final = "scheduled"
UNSCHEDULABLE: Final = "unschedulable"
FAILED: Final = "error"
_PLACES: Final = {
    Place.ACTIVE: "active",
    Place.BACKING_OFF: "backoff",
    Place.GATED: "gated",
    Place.UNSCHEDULABLE: "unschedulable",
}
_RESULTS: Final = ("profile", "result")


@define(eq=False)
class Measures:
    """What one scheduler has done; `places` says where pods wait now."""

    places: Callable[[], Iterable[Place]] = tuple
    attempts: Histogram = field(
        factory=partial(
            Histogram,
            "scheduler_scheduling_attempt_duration_seconds",
            "[STABLE] Scheduling attempt latency in seconds (scheduling algorithm + binding)",
            exponential(0.001, 2, 15),
            _RESULTS,
        )
    )
    algorithm: Histogram = field(
        factory=partial(
            Histogram,
            "scheduler_scheduling_algorithm_duration_seconds",
            "[ALPHA] Scheduling algorithm latency in seconds",
            exponential(0.001, 2, 15),
        )
    )
    since_queued: Histogram = field(
        factory=partial(
            Histogram,
            "scheduler_pod_scheduling_sli_duration_seconds",
            "[BETA] E2e latency for a pod being scheduled, from the time the pod enters the "
            "scheduling queue and might involve multiple scheduling attempts.",
            exponential(0.01, 2, 20),
            ("attempts",),
        )
    )
    attempts_needed: Histogram = field(
        factory=partial(
            Histogram,
            "scheduler_pod_scheduling_attempts",
            "[STABLE] Number of attempts to successfully schedule a pod.",
            exponential(1, 2, 5),
        )
    )
    victims: Histogram = field(
        factory=partial(
            Histogram,
            "scheduler_preemption_victims",
            "[STABLE] Number of selected preemption victims",
            exponential(1, 2, 7),
        )
    )
    preemptions: Counter = field(
        factory=partial(
            Counter,
            "scheduler_preemption_attempts_total",
            "[STABLE] Total preemption attempts in the cluster till now",
        )
    )

    def decided(self, queued: Queued) -> None:
        """A node was found for a pod, or none."""
        self.algorithm.observe(trio.current_time() - queued.popped_at)

    def ended(self, queued: Queued, result: str) -> None:
        """An attempt is over."""
        now, profile = trio.current_time(), queued.info.pod.spec.scheduler_name
        self.attempts.observe(now - queued.popped_at, profile, result)
        if result == SCHEDULED:
            shown = str(queued.attempts) if queued.attempts < _MANY else f"{_MANY}+"
            self.since_queued.observe(now - queued.entered_at, shown)
            self.attempts_needed.observe(queued.attempts)

    def preempts(self, victims: int) -> None:
        """A pod has others leave their node."""
        self.preemptions.add()
        self.victims.observe(victims)

    def families(self) -> Iterable[Family]:
        """All of them."""

        def pending() -> list[Sample]:
            counts = Counts(self.places())
            return [((name,), float(counts[place])) for place, name in _PLACES.items()]

        yield from (self.attempts, self.algorithm, self.since_queued, self.attempts_needed)
        yield from (self.victims, self.preemptions, self._totals())
        help_text = "[STABLE] Number of pending pods, by the queue type."
        yield Reading("scheduler_pending_pods", help_text, pending, ("queue",))

    def _totals(self) -> Counter:
        help_text = "[STABLE] Number of attempts to schedule pods, by the result."
        counter = Counter("scheduler_schedule_attempts_total", help_text, _RESULTS)
        for values, row in self.attempts.found.items():
            counter.add(*values, by=sum(row[:-1]))
        return counter


_MANY: Final = 15  # attempts; pods that needed more are not told apart (upstream: getAttemptsLabel)
