"""Runs pods until enough of them have succeeded (upstream: `pkg/controller/job`).

One look at the pods (`job_tally`) says whether the Job is to end (`job_verdict`), which pods are
missing (`job_creation`) or too many, and what is to be counted (`job_tracking`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

import trio
from attrs import evolve

from k8slite.client.recorder import Reference
from k8slite.client.resource import JOBS, PODS
from k8slite.controllers.batch.job_backoff import BackOff
from k8slite.controllers.batch.job_creation import wanted_active, wanted_pods
from k8slite.controllers.batch.job_orphans import OrphanedPods
from k8slite.controllers.batch.job_pods import TRACKING_FINALIZER, surplus, tracked
from k8slite.controllers.batch.job_status import Draft, Ending
from k8slite.controllers.batch.job_tally import Tally, count
from k8slite.controllers.batch.job_tracking import Tracking, release
from k8slite.controllers.batch.job_verdict import COMPLETE, complete, deadline_seconds, verdict
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.ownership import (
    Departed,
    Owner,
    claim,
    controller_of,
    index_by_controller,
    owner_keys,
)
from k8slite.controllers.pod_control import BURST_PODS, PodControl, at_once
from k8slite.kinds.batch.models import JOB_CONTROLLER, Job
from k8slite.kinds.core.models import Pod
from k8slite.kinds.models import Model
from k8slite.objects.measures import Counter, Family
from k8slite.objects.meta import Name, timestamp
from k8slite.objects.selectors import selector_of

Json = dict[str, Any]

# A change of a pod is looked at after this time for each pod that may be active, at the most
# GATHER_MOST_SECONDS (upstream's syncJobBatchPeriod), so that a big Job does not count all of its
# pods for each of them. Jobs of up to FEW_PODS are looked at immediately.
GATHER_SECONDS: Final = 0.0002
GATHER_MOST_SECONDS: Final = 1.0
FEW_PODS: Final = 100


class JobController(Controller):
    """Its keys are the names of Jobs."""

    name: ClassVar[str] = "job-controller"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._jobs = self.mirrors.of(JOBS, Job)
        self._pods = self.mirrors.of(PODS, Pod)
        index_by_controller(self._pods)
        self._pod_keys = owner_keys(self._jobs, lambda job: selector_of(job.spec.selector))
        self._departed = Departed()
        self._pod_control = PodControl(self.client, self.recorder)
        self._back_offs: dict[Name, BackOff] = {}
        self._orphans = OrphanedPods(context)
        self._finished = Counter(
            "job_controller_jobs_finished_total",
            "[STABLE] The number of finished jobs",
            ("completion_mode", "reason", "result"),
        )
        self.watch(self._jobs, self._own_key)
        self.watch(self._pods, self._keys_of_pod)

    def measures(self) -> Iterable[Family]:
        """How Jobs have ended."""
        return (self._finished,)

    def count(self, job: Job, ending: Ending) -> None:
        """A Job is over."""
        mode = "Indexed" if job.indexed else "NonIndexed"
        result = "succeeded" if ending.type == "Complete" else "failed"
        self._finished.add(mode, ending.reason, result)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work on Jobs, and on pods that none of them cares for."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._orphans.run)
            await super().run(task_status=task_status)

    async def reconcile(self, name: Name) -> float | None:
        job = self._jobs.get(name)
        if job is None or job.finished is not None:
            self._back_offs.pop(name, None)
            return None
        gone = job.metadata.uid in self._departed
        if gone or job.spec.managed_by not in (None, JOB_CONTROLLER):
            return None
        document = self._jobs.document(name)
        assert document is not None, "the mirror has both or none"
        tally = count(job, await self._claim(job))
        return await _Look(self, job, document, tally).reconcile()

    async def _claim(self, job: Job) -> list[Pod]:
        """The Job's pods, but for those that are counted and over."""
        owner = Owner(JOBS, job.metadata)
        pods = await claim(
            self.client,
            self._pods,
            owner,
            selector_of(job.spec.selector),
            wanted=lambda pod: not pod.terminal or tracked(pod) or pod.metadata.controller is None,
            finalizers=(TRACKING_FINALIZER,),
        )
        return [_adopted(pod, job) for pod in pods]

    def _own_key(self, old: Job | None, new: Job | None) -> Iterable[Name]:
        found = new or old
        assert found is not None, "a change is of something"
        if new is None or (old is not None and old.metadata.uid != new.metadata.uid):
            self._back_offs.pop(found.metadata.full_name, None)
        if new is None:
            self._departed.forget(found.metadata.uid)
        return (found.metadata.full_name,)

    def _keys_of_pod(self, old: Model | None, new: Model | None) -> Iterable[Name]:
        """As any dependant's, but the Jobs with many pods gather their changes for a moment."""
        job = controller_of(new, self._jobs) if new is not None else None
        moved = old is not None and new is not None and _owner(old) != _owner(new)
        if job is None or moved or job.spec.parallelism <= FEW_PODS:
            return self._pod_keys(old, new)
        pause_seconds = min(job.spec.parallelism * GATHER_SECONDS, GATHER_MOST_SECONDS)
        self.queue.add_after(job.metadata.full_name, pause_seconds)
        return ()


class _Look:
    """One reconcile of one Job."""

    def __init__(self, controller: JobController, job: Job, document: Json, tally: Tally) -> None:
        self._controller = controller
        self._job = job
        self._document = document
        self._tally = tally
        self._now = controller.world.now()
        self._regarding = Reference("batch/v1", "Job", job.metadata)
        self._draft = Draft.of(job, document.get("status") or {})
        self._draft.active = len(tally.active)
        self._draft.ready = tally.ready
        self._draft.terminating = tally.terminating
        known = controller._back_offs.get(job.metadata.full_name, BackOff())
        self._back_off = known.after(tally.new_succeeded, tally.new_failed)
        self._wait_seconds: float | None = None

    async def reconcile(self) -> float | None:
        """Do what is to be done; in how many seconds to look again."""
        job, draft, controller = self._job, self._draft, self._controller
        if not draft.start_time and not job.spec.suspend:
            draft.start_time = timestamp(self._now)
        ending = verdict(job, draft, self._tally, self._now)
        error: Exception | None = None
        if ending is not None:
            error = await self._delete(self._tally.active, keep_finalizers=True)
            if draft.active:
                ending = None  # not before the last pod is on its way
        else:
            deleting = job.metadata.deletion_timestamp is not None
            if not deleting:
                error = await self._manage()
            if complete(job, self._tally, draft.active):
                ending = COMPLETE
            elif not deleting:
                self._suspended_or_not()
        if ending is not None and not draft.start_time:
            draft.start_time = timestamp(self._now)  # what ends has begun
        tracking = Tracking(
            controller.client,
            controller.recorder,
            controller.world,
            controller._departed,
            job,
            self._document,
            draft,
            self._tally,
            ending,
            self._remember,
        )
        if await tracking.record() and ending is not None:
            controller.count(job, ending)
        if error is not None:
            raise error
        waits = [self._wait_seconds, deadline_seconds(job, self._now) if ending is None else None]
        return min((one for one in waits if one is not None), default=None)

    def _remember(self) -> None:
        """From here on failures are known by the status, and not to be counted again."""
        self._controller._back_offs[self._job.metadata.full_name] = self._back_off

    async def _manage(self) -> Exception | None:
        """Make the pods that are missing, or take away those that are too many, never both."""
        job, tally = self._job, self._tally
        if job.spec.suspend:
            return await self._delete(tally.active, keep_finalizers=False)
        too_many = max(0, len(tally.active) - wanted_active(job, tally))
        extra = surplus(job, tally.active, too_many, self._now)
        if extra:
            return await self._delete(extra[:BURST_PODS], keep_finalizers=False)
        wanted = wanted_pods(job, self._document, tally, self._back_off, self._now)
        if wanted.wait_seconds > 0:
            self._wait_seconds = wanted.wait_seconds
        if not wanted.pods:
            return None
        made, error = await self._controller._pod_control.create(wanted.pods, self._regarding)
        self._draft.active += made
        return error

    async def _delete(self, pods: Iterable[Pod], *, keep_finalizers: bool) -> Exception | None:
        """Delete pods; those that keep their finalizer stay until they are counted."""
        controller, draft = self._controller, self._draft

        async def delete(pod: Pod) -> None:
            if not keep_finalizers and tracked(pod):
                await release(controller.client, pod.metadata)
            await controller._pod_control.delete(pod.metadata, self._regarding)
            draft.active -= 1
            draft.terminating += 1
            draft.ready -= pod.ready

        doomed = list(pods)
        try:
            if doomed:
                await at_once(doomed, delete)
        except Exception as error:
            return error
        return None

    def _suspended_or_not(self) -> None:
        """The condition that tells whether the Job sleeps; a Job that wakes up starts anew."""
        draft, record = self._draft, self._controller.recorder.event
        if self._job.spec.suspend:
            if draft.condition("Suspended", "JobSuspended", "Job suspended", self._now):
                record(self._regarding, "Normal", "Suspended", "Job suspended")
                draft.start_time = ""
        elif draft.condition("Suspended", "JobResumed", "Job resumed", self._now, holds=False):
            record(self._regarding, "Normal", "Resumed", "Job resumed")
            draft.start_time = timestamp(self._now)


def _owner(pod: Model) -> str:
    reference = pod.metadata.controller
    return reference.uid if reference is not None else ""


def _adopted(pod: Pod, job: Job) -> Pod:
    """A pod that was adopted just now has the finalizer, which the mirror does not show yet."""
    reference = pod.metadata.controller
    if tracked(pod) or (reference is not None and reference.uid == job.metadata.uid):
        return pod
    finalizers = (*pod.metadata.finalizers, TRACKING_FINALIZER)
    return evolve(pod, metadata=evolve(pod.metadata, finalizers=finalizers))
