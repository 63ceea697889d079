"""Frees pods that no Job will count any more from the Job's finalizer (upstream: `syncOrphanPod`).

Those are pods without a controller, and pods whose Job is over or gone. A Job that another
controller keeps is that one's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from k8slite.client.resource import JOBS, PODS
from k8slite.controllers.batch.job_pods import tracked
from k8slite.controllers.batch.job_tracking import release
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.ownership import controlled, controller_of, index_by_controller
from k8slite.kinds.batch.models import JOB_CONTROLLER, Job
from k8slite.kinds.core.models import Pod
from k8slite.objects.meta import Name


class OrphanedPods(Controller):
    """Its keys are the names of pods; a part of the Job controller."""

    name: ClassVar[str] = "job-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._jobs = self.mirrors.of(JOBS, Job)
        self._pods = self.mirrors.of(PODS, Pod)
        index_by_controller(self._pods)
        self.watch(self._jobs, self._pods_of_job)
        self.watch(self._pods, self._pod)

    async def reconcile(self, name: Name) -> None:
        pod = self._pods.get(name)
        if pod is not None and tracked(pod) and self._is_orphaned(pod):
            await release(self.client, pod.metadata)

    def _is_orphaned(self, pod: Pod) -> bool:
        reference = pod.metadata.controller
        if reference is None:
            return True
        if (reference.kind, reference.api_version) != (JOBS.kind, JOBS.api_version):
            return False
        job = controller_of(pod, self._jobs)
        if job is None:
            return True
        return job.finished is not None and job.spec.managed_by in (None, JOB_CONTROLLER)

    def _pods_of_job(self, old: Job | None, new: Job | None) -> Iterable[Name]:
        if new is not None and new.finished is None:
            return ()
        found = new or old
        assert found is not None, "a change is of something"
        pods = controlled(self._pods, found.metadata.uid)
        return [pod.metadata.full_name for pod in pods if tracked(pod)]

    def _pod(self, old: Pod | None, new: Pod | None) -> Iterable[Name]:
        if new is None or not tracked(new):
            return ()
        # A pod may be seen before its Job is; one that is on its way out need not wait for it.
        leaving = new.metadata.deletion_timestamp is not None
        if new.metadata.controller is None or (leaving and self._is_orphaned(new)):
            return (new.metadata.full_name,)
        return ()
