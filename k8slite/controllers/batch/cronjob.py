"""Starts Jobs by the clock (upstream: `pkg/controller/cronjob`, ControllerV2).

A Job's name says for which minute it is, so that nobody makes it twice, whatever was forgotten in
between. Of several times that were missed only the last is made up for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from attrs import evolve

from k8slite.client.recorder import Reference
from k8slite.client.resource import CRON_JOBS, JOBS
from k8slite.controllers.batch.cronjob_times import (
    MISSED_MOST,
    missed,
    schedule_of,
    until_next_seconds,
)
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.ownership import Owner, controlled, index_by_controller, owner_keys
from k8slite.kinds.batch.models import CronJob, Job
from k8slite.kinds.models import Metadata
from k8slite.objects.cron_schedule import Schedule, time_zone
from k8slite.objects.errors import AlreadyExists, ApiError, NotFound
from k8slite.objects.measures import Family, Histogram, exponential
from k8slite.objects.meta import Name, parse_timestamp, timestamp
from k8slite.objects.selectors import NOTHING

Json = dict[str, Any]

SCHEDULED_TIMESTAMP: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"


class CronJobController(Controller):
    """Its keys are the names of CronJobs."""

    name: ClassVar[str] = "cronjob-controller"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._cron_jobs = self.mirrors.of(CRON_JOBS, CronJob)
        self._jobs = self.mirrors.of(JOBS, Job)
        index_by_controller(self._jobs)
        self.skew = Histogram(
            "cronjob_controller_job_creation_skew_duration_seconds",
            "[STABLE] Time between when a cronjob is scheduled to be run, and when the "
            "corresponding job is created",
            exponential(1, 2, 10),
        )
        self.watch(self._cron_jobs, self._own_key)
        self.watch(self._jobs, owner_keys(self._cron_jobs, lambda _: NOTHING))

    def measures(self) -> Iterable[Family]:
        """How late Jobs are."""
        return (self.skew,)

    async def reconcile(self, name: Name) -> float | None:
        cron_job = self._cron_jobs.get(name)
        if cron_job is None:
            return None
        document = self._cron_jobs.document(name)
        assert document is not None, "the mirror has both or none"
        jobs = controlled(self._jobs, cron_job.metadata.uid)
        look = _Look(self, cron_job, document, jobs)
        error: Exception | None = None
        again_seconds: float | None = None
        await look.clean_up()
        try:
            await look.compare()
            again_seconds = await look.start()
        except Exception as caught:  # what was found out is written all the same
            error = caught
        await look.write()
        if error is not None:
            raise error
        return again_seconds

    def _own_key(self, old: CronJob | None, new: CronJob | None) -> Iterable[Name]:
        found = new or old
        assert found is not None, "a change is of something"
        name = found.metadata.full_name
        if old is None or new is None or old.metadata.uid != new.metadata.uid:
            return (name,)
        if _when(old) == _when(new):
            return (name,)
        # The times of a new schedule that have passed were never missed.
        try:
            schedule = schedule_of(new)
        except ValueError:
            message = f"unparseable schedule for cronjob: {new.spec.schedule}"
            regarding = Reference("batch/v1", "CronJob", new.metadata)
            self.recorder.event(regarding, "Warning", "UnParseableCronJobSchedule", message)
            return ()
        seconds = until_next_seconds(new, schedule, self.world.now())
        if seconds is not None:
            self.queue.add_after(name, seconds)
        return ()


class _Look:
    """One reconcile of one CronJob."""

    def __init__(
        self, controller: CronJobController, cron_job: CronJob, document: Json, jobs: Sequence[Job]
    ) -> None:
        self._client = controller.client
        self._skew = controller.skew
        self._recorder = controller.recorder
        self._cron_job = cron_job
        self._document = document
        self._jobs = jobs
        self._now = controller.world.now()
        self._regarding = Reference("batch/v1", "CronJob", cron_job.metadata)
        self._status: Json = dict(document.get("status") or {})

    @property
    def _active(self) -> list[Json]:
        found: list[Json] = self._status.get("active") or []
        return found

    async def clean_up(self) -> None:
        """Delete the oldest Jobs that are over, beyond what the history is to hold."""
        spec = self._cron_job.spec
        for ending, limit in (
            ("Complete", spec.successful_jobs_history_limit),
            ("Failed", spec.failed_jobs_history_limit),
        ):
            over = [job for job in self._jobs if job.finished and job.finished.type == ending]
            if limit is not None and len(over) > limit:
                for job in sorted(over, key=_by_start)[: len(over) - limit]:
                    await self._delete(job.metadata)

    async def compare(self) -> None:
        """Hold the list of active Jobs against the Jobs that there are."""
        known = [one["uid"] for one in self._active]
        there = []
        for job in self._jobs:
            metadata, finished = job.metadata, job.finished
            there.append(metadata.uid)
            if finished is None:
                if metadata.uid not in known:
                    message = (
                        "Saw a job that the controller did not create or forgot: " + metadata.name
                    )
                    self._tell("Warning", "UnexpectedJob", message)
                continue
            if metadata.uid in known:
                self._forget(metadata.uid)
                message = f"Saw completed job: {metadata.name}, condition: {finished.type}"
                self._tell("Normal", "SawCompletedJob", message)
            if finished.type == "Complete" and job.status.completion_time is not None:
                ended = timestamp(job.status.completion_time)
                if ended > self._status.get("lastSuccessfulTime", ""):
                    self._status["lastSuccessfulTime"] = ended
        for one in list(self._active):
            if one["uid"] not in there and not await self._exists(one):
                message = f"Active job went missing: {one['name']}"
                self._tell("Normal", "MissingJob", message)
                self._forget(one["uid"])

    async def start(self) -> float | None:
        """Start a Job if it is time; in how many seconds to look again."""
        cron_job, spec = self._cron_job, self._cron_job.spec
        if cron_job.metadata.deletion_timestamp is not None:
            return None
        schedule = self._schedule()
        if schedule is None:
            return None
        try:
            found = missed(cron_job, schedule, self._now)
        except ValueError as error:
            message = f"invalid schedule: {spec.schedule} : {error}"
            self._tell("Warning", "InvalidSchedule", message)
            return None
        if found.latest is not None:
            if found.number > MISSED_MOST:
                message = (
                    "too many missed start times. Set or decrease .spec.startingDeadlineSeconds "
                    "or check clock skew"
                )
                self._tell("Warning", "TooManyMissedTimes", message)
            if self._may_start(found.latest):
                await self._replace()
                await self._create(found.latest)
        return until_next_seconds(self._cron_job, schedule, self._now)

    async def write(self) -> None:
        """Write the status, where it has changed."""
        if self._status != (self._document.get("status") or {}):
            changed = {**self._document, "status": self._status}
            await self._client.update(CRON_JOBS, changed, subresource="status")

    def _schedule(self) -> Schedule | None:
        """The schedule, unless it cannot be read or is suspended."""
        spec = self._cron_job.spec
        if spec.time_zone is not None:
            try:
                time_zone(spec.time_zone)
            except ValueError as error:
                message = f'invalid timeZone: "{spec.time_zone}": {error}'
                self._tell("Warning", "UnknownTimeZone", message)
                return None
        if spec.suspend:
            return None
        if "TZ" in spec.schedule:
            message = (
                f'CRON_TZ or TZ used in schedule "{spec.schedule}" is not officially supported, '
                "see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for "
                "more details"
            )
            self._tell("Warning", "UnsupportedSchedule", message)
        try:
            return schedule_of(self._cron_job)
        except ValueError as error:
            message = f'unparseable schedule: "{spec.schedule}" : {error}'
            self._tell("Warning", "UnparseableSchedule", message)
            return None

    def _may_start(self, scheduled: datetime) -> bool:
        spec = self._cron_job.spec
        allowed_seconds = spec.starting_deadline_seconds
        late = self._now - scheduled
        if allowed_seconds is not None and late > timedelta(seconds=allowed_seconds):
            moment = scheduled.strftime("%a, %d %b %Y %H:%M:%S +0000")
            message = f"Missed scheduled time to start a job: {moment}"
            self._tell("Warning", "MissSchedule", message)
            return False
        name = self._job_name(scheduled)
        if any(one["name"] == name for one in self._active):
            return False
        if self._status.get("lastScheduleTime") == timestamp(scheduled):
            return False
        if spec.concurrency_policy == "Forbid" and self._active:
            message = (
                "Not starting job because prior execution is running and concurrency policy is "
                "Forbid"
            )
            self._tell("Normal", "JobAlreadyActive", message)
            return False
        return True

    async def _replace(self) -> None:
        """Take away what still runs, where the next Job is to take its place."""
        if self._cron_job.spec.concurrency_policy != "Replace":
            return
        for one in list(self._active):
            try:
                found = await self._client.get(JOBS, one["name"], one["namespace"])
            except ApiError as error:
                self._tell("Warning", "FailedGet", f"Get job: {error}")
                raise
            metadata = Metadata(
                name=one["name"], namespace=one["namespace"], uid=found["metadata"]["uid"]
            )
            if not await self._delete(metadata):
                raise RuntimeError(f"could not replace job {metadata.full_name}")

    async def _create(self, scheduled: datetime) -> None:
        """Make the Job for a time and note it, unless it is there and another's business."""
        metadata = self._cron_job.metadata
        job = self._job(scheduled)
        name = job["metadata"]["name"]
        try:
            made = await self._client.create(JOBS, job, metadata.namespace)
        except AlreadyExists:
            made = await self._client.get(JOBS, name, metadata.namespace)
            owners = made["metadata"].get("ownerReferences") or ()
            if not any(one.get("controller") and one["uid"] == metadata.uid for one in owners):
                return
            if any(one["uid"] == made["metadata"]["uid"] for one in self._active):
                return
        except ApiError as error:
            if not any(cause.reason == "NamespaceTerminating" for cause in error.causes):
                self._tell("Warning", "FailedCreate", f"Error creating job: {error}")
            raise
        else:
            self._tell("Normal", "SuccessfulCreate", f"Created job {name}")
            created = parse_timestamp(made["metadata"]["creationTimestamp"])
            self._skew.observe((created - scheduled).total_seconds())
        reference = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": name,
            "namespace": metadata.namespace,
            "resourceVersion": made["metadata"]["resourceVersion"],
            "uid": made["metadata"]["uid"],
        }
        self._status["active"] = [*self._active, reference]
        self._status["lastScheduleTime"] = timestamp(scheduled)
        status = evolve(self._cron_job.status, last_schedule_time=scheduled)
        self._cron_job = evolve(self._cron_job, status=status)

    def _job(self, scheduled: datetime) -> Json:
        """The Job for a time (upstream: `getJobFromTemplate2`)."""
        template = self._document["spec"]["jobTemplate"]
        described = template.get("metadata") or {}
        zone = time_zone(self._cron_job.spec.time_zone or "")
        told = scheduled.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")
        metadata = {
            "name": self._job_name(scheduled),
            "namespace": self._cron_job.metadata.namespace,
            "annotations": {**(described.get("annotations") or {}), SCHEDULED_TIMESTAMP: told},
            "ownerReferences": [Owner(CRON_JOBS, self._cron_job.metadata).reference()],
        }
        if described.get("labels"):
            metadata["labels"] = described["labels"]
        spec = template["spec"]
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}

    def _job_name(self, scheduled: datetime) -> str:
        return f"{self._cron_job.metadata.name}-{int(scheduled.timestamp()) // 60}"

    async def _delete(self, job: Metadata) -> bool:
        """Delete a Job with its pods; whether that worked."""
        options = {"propagationPolicy": "Background"}
        try:
            await self._client.delete(JOBS, job.name, job.namespace, options)
        except NotFound:
            self._forget(job.uid)
            return True
        except ApiError as error:
            self._tell("Warning", "FailedDelete", f"Deleted job: {error}")
            return False
        self._forget(job.uid)
        self._tell("Normal", "SuccessfulDelete", f"Deleted job {job.name}")
        return True

    async def _exists(self, reference: Json) -> bool:
        """Ask the API: the mirror may not have seen a Job that is new."""
        try:
            await self._client.get(JOBS, reference["name"], reference["namespace"])
        except NotFound:
            return False
        return True

    def _forget(self, uid: str) -> None:
        left = [one for one in self._active if one["uid"] != uid]
        if left:
            self._status["active"] = left
        else:
            self._status.pop("active", None)

    def _tell(self, type_: str, reason: str, message: str) -> None:
        self._recorder.event(self._regarding, type_, reason, message)


def _when(cron_job: CronJob) -> tuple[str, str | None]:
    return cron_job.spec.schedule, cron_job.spec.time_zone


def _by_start(job: Job) -> tuple[bool, datetime, str]:
    """The first that started first; those that never did, last."""
    start = job.status.start_time
    created = job.metadata.creation_timestamp
    assert created is not None, "the API server gives every object a time"
    return (start is None, start or created, job.metadata.name)
