"""Deletes Jobs some time after their end, if they ask for it (upstream:
`pkg/controller/ttlafterfinished`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar

from k8slite.client.resource import JOBS
from k8slite.controllers.controller import Context, Controller, own_key
from k8slite.kinds.batch.models import Job
from k8slite.objects.errors import NotFound
from k8slite.objects.measures import Family, Histogram, exponential
from k8slite.objects.meta import Name
from k8slite.objects.structure import structure


class TtlAfterFinishedController(Controller):
    """Its keys are the names of Jobs."""

    name: ClassVar[str] = "ttl-after-finished-controller"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._jobs = self.mirrors.of(JOBS, Job)
        self._delays = Histogram(
            "ttl_after_finished_controller_job_deletion_duration_seconds",
            "[ALPHA] The time it took to delete the job since it became eligible for deletion",
            exponential(0.1, 2, 14),
        )
        self.watch(self._jobs, own_key)

    def measures(self) -> Iterable[Family]:
        """How late Jobs go."""
        return (self._delays,)

    async def reconcile(self, name: Name) -> float | None:
        job = self._jobs.get(name)
        left_seconds = _left_seconds(job, self.world.now())
        if left_seconds is None or left_seconds > 0:
            return left_seconds
        # The time may have been prolonged, or the Job be another one, which its mirror does not
        # show yet.
        try:
            fresh = structure(await self.client.get(JOBS, name.name, name.namespace), Job)
            left_seconds = _left_seconds(fresh, self.world.now())
            if left_seconds is None or left_seconds > 0:
                return left_seconds
            options = {
                "propagationPolicy": "Foreground",
                "preconditions": {"uid": fresh.metadata.uid},
            }
            await self.client.delete(JOBS, name.name, name.namespace, options)
            self._delays.observe(-left_seconds)
        except NotFound:
            pass  # which is what is wanted
        return None


def _left_seconds(job: Job | None, now: datetime) -> float | None:
    """How long a Job stays; None for ever, and for one that is on its way out."""
    if job is None or job.metadata.deletion_timestamp is not None:
        return None
    ttl_seconds, finished = job.spec.ttl_seconds_after_finished, job.finished
    if ttl_seconds is None or finished is None:
        return None
    since = finished.last_transition_time or now
    return (since + timedelta(seconds=ttl_seconds) - now).total_seconds()
