"""Counts the pods of a Job that have ended, each exactly once (upstream:
`trackJobStatusAndRemoveFinalizers`).

A pod's UID is written into the status before its finalizer is taken away, and its number after
that: whoever comes in between knows from the finalizer whether the pod is counted. An index that
succeeded needs no UID. No more than UNCOUNTED_MOST pods are on the way at once, so that the status
stays small and a big Job does not starve the small ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import define

from k8slite.client.client import STRATEGIC_MERGE_PATCH, Client
from k8slite.client.recorder import Recorder, Reference
from k8slite.client.resource import JOBS, PODS
from k8slite.controllers.batch import job_indexes
from k8slite.controllers.batch.job_pods import (
    TRACKING_FINALIZER,
    counts,
    failed,
    index_of,
    tracked,
    valid_index,
)
from k8slite.controllers.batch.job_policies import judge
from k8slite.controllers.batch.job_status import Draft, Ending
from k8slite.controllers.batch.job_tally import Tally
from k8slite.controllers.ownership import Departed
from k8slite.controllers.pod_control import at_once
from k8slite.kinds.batch.models import Job
from k8slite.kinds.core.models import Pod
from k8slite.kinds.models import Metadata
from k8slite.objects.errors import Conflict, NotFound
from k8slite.objects.meta import timestamp
from k8slite.world import World

Json = dict[str, Any]

UNCOUNTED_MOST: Final = 500  # upstream's MaxUncountedPods


async def release(client: Client, pod: Metadata) -> None:
    """Take a pod's tracking finalizer away; a pod that is gone has none."""
    change = {"uid": pod.uid, "$deleteFromPrimitiveList/finalizers": [TRACKING_FINALIZER]}
    try:
        await client.patch(
            PODS, pod.name, {"metadata": change}, pod.namespace, patch_type=STRATEGIC_MERGE_PATCH
        )
    except NotFound:
        return
    except Conflict as error:
        if "UID in precondition" not in error.message:
            raise


@define(eq=False)
class Tracking:
    """The bookkeeping of one reconcile of a Job."""

    client: Client
    recorder: Recorder
    world: World
    departed: Departed
    job: Job
    document: Json  # the Job as a whole; its status and version follow what is written
    draft: Draft
    tally: Tally
    ending: Ending | None  # how the Job ends, if no active pods are left
    noted: Callable[[], None]  # told when the pods that have ended are in the status

    async def record(self) -> bool:
        """Write what has changed, count what can be counted, and end the Job if it is to end;
        whether it has.

        Raises what the writes raise; what was not done is found again the next time.
        """
        still_tracked = {pod.metadata.uid for pod in self.tally.pods if tracked(pod)}
        self.draft.count(still_tracked)
        done, all_seen = self._take()
        if self.ending is not None:
            ending = self.ending
            self.draft.condition(ending.interim, ending.reason, ending.message, self.world.now())
        await self._flush()
        self.noted()
        error = await self._release(done, still_tracked)
        self.draft.count(still_tracked)
        if error is not None:
            await self._flush()
            raise error
        finished = all_seen and self._finish()
        await self._flush()
        if finished:
            self._tell()
        return finished

    def _take(self) -> tuple[list[Pod], bool]:
        """Note the pods that have ended; those whose finalizer may go then, and whether that are
        all."""
        job, draft, tally = self.job, self.draft, self.tally
        pods = sorted(tally.pods, key=_index_first) if job.indexed else tally.pods
        done: list[Pod] = []
        new_indexes: list[int] = []
        noted = set(draft.uncounted_failed), set(draft.uncounted_succeeded)
        all_seen = True
        for pod in pods:
            if not tracked(pod) or not self._may_go(pod):
                continue
            done.append(pod)
            uid = pod.metadata.uid
            if pod.status.phase == "Succeeded" and uid not in noted[0]:
                index = valid_index(pod, job)
                if not job.indexed:
                    if uid not in noted[1]:
                        draft.uncounted_succeeded.append(uid)
                elif index is not None and index not in tally.counted_indexes:
                    new_indexes.append(index)
            elif self._counts_as_failed(pod) and uid not in noted[0]:
                draft.uncounted_failed.append(uid)
            if len(new_indexes) + draft.uncounted >= UNCOUNTED_MOST:
                all_seen = False
                break
        if job.indexed:
            succeeded = tally.counted_indexes | job_indexes.of(new_indexes)
            draft.succeeded, draft.completed_indexes = len(succeeded), str(succeeded)
            failures = tally.failed_indexes
            draft.failed_indexes = None if failures is None else str(failures)
        return done, all_seen

    def _may_go(self, pod: Pod) -> bool:
        """Whether nothing is to be learnt from the pod any more (upstream: `canRemoveFinalizer`)"""
        job = self.job
        ending = job.metadata.deletion_timestamp is not None or self.ending is not None
        if ending or pod.status.phase == "Succeeded":
            return True
        if not failed(pod, job):
            return False
        index = index_of(pod)
        delayed = self.tally.delayed.get(index) if index is not None else None
        return delayed is None or delayed.metadata.uid != pod.metadata.uid

    def _counts_as_failed(self, pod: Pod) -> bool:
        # What a Job that fails still has running is a failure, too.
        ended = self.ending is not None and self.ending.type == "Failed"
        if not (failed(pod, self.job) or ended) or not counts(pod, self.job):
            return False
        return judge(self.job, pod).counted

    async def _release(self, pods: list[Pod], still_tracked: set[str]) -> Exception | None:
        """Take the finalizers of pods away; the first failure."""

        async def take(pod: Pod) -> None:
            await release(self.client, pod.metadata)
            still_tracked.discard(pod.metadata.uid)

        try:
            if pods:
                await at_once(pods, take)
        except Exception as error:
            return error
        return None

    def _finish(self) -> bool:
        """The final condition, when every pod is counted and gone (upstream: `enactJobFinished`)"""
        ending, draft, now = self.ending, self.draft, self.world.now()
        if ending is None or draft.uncounted or draft.terminating:
            return False
        draft.condition(ending.type, ending.reason, ending.message, now)
        if ending.type == "Complete":
            draft.completion_time = timestamp(now)
        return True

    async def _flush(self) -> None:
        """Write the status, where it has changed."""
        status = self.draft.json()
        if status == (self.document.get("status") or {}):
            return
        changed = {**self.document, "status": status}
        with self.departed.noticed(self.job.metadata):
            self.document = await self.client.update(JOBS, changed, subresource="status")

    def _tell(self) -> None:
        ending, spec = self.ending, self.job.spec
        assert ending is not None, "the Job is over"
        regarding = Reference("batch/v1", "Job", self.job.metadata)
        if ending.type == "Failed":
            self.recorder.event(regarding, "Warning", ending.reason, ending.message)
            return
        if spec.completions is not None and self.draft.succeeded > spec.completions:
            message = "Too many succeeded pods running after completion count reached"
            self.recorder.event(regarding, "Warning", "TooManySucceededPods", message)
        self.recorder.event(regarding, "Normal", "Completed", "Job completed")


def _index_first(pod: Pod) -> int:
    index = index_of(pod)
    return -1 if index is None else index
