"""The batch group's kinds, as far as components read them."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from k8slite.kinds.apps.models import PodTemplate
from k8slite.kinds.core.models import Condition, ObjectReference
from k8slite.kinds.models import LabelSelector, Metadata

# Who keeps a Job whose `managedBy` says nothing else.
JOB_CONTROLLER = "kubernetes.io/job-controller"


@frozen
class OnExitCodes:
    operator: str = "In"
    values: tuple[int, ...] = ()
    container_name: str | None = None


@frozen
class OnPodCondition:
    type: str = ""
    status: str = "True"


@frozen
class PodFailureRule:
    action: str = ""
    on_exit_codes: OnExitCodes | None = None
    on_pod_conditions: tuple[OnPodCondition, ...] = ()


@frozen
class PodFailurePolicy:
    rules: tuple[PodFailureRule, ...] = ()


@frozen
class SuccessRule:
    succeeded_indexes: str | None = None
    succeeded_count: int | None = None


@frozen
class SuccessPolicy:
    rules: tuple[SuccessRule, ...] = ()


@frozen
class JobSpec:
    parallelism: int = 1
    completions: int | None = None
    completion_mode: str = "NonIndexed"
    backoff_limit: int = 6
    backoff_limit_per_index: int | None = None
    max_failed_indexes: int | None = None
    active_deadline_seconds: int | None = None
    ttl_seconds_after_finished: int | None = None
    suspend: bool = False
    selector: LabelSelector = LabelSelector()
    template: PodTemplate = PodTemplate()
    pod_failure_policy: PodFailurePolicy | None = None
    success_policy: SuccessPolicy | None = None
    pod_replacement_policy: str | None = None
    managed_by: str | None = None


@frozen
class UncountedPods:
    succeeded: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


@frozen
class JobStatus:
    active: int = 0
    ready: int | None = None
    terminating: int | None = None
    succeeded: int = 0
    failed: int = 0
    completed_indexes: str = ""
    failed_indexes: str | None = None
    uncounted_terminated_pods: UncountedPods = UncountedPods()
    conditions: tuple[Condition, ...] = ()
    start_time: datetime | None = None
    completion_time: datetime | None = None


@frozen
class Job:
    metadata: Metadata
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()

    def condition(self, wanted: str) -> Condition | None:
        """The condition of that type, if it holds."""
        for condition in self.status.conditions:
            if condition.type == wanted and condition.status == "True":
                return condition
        return None

    @property
    def finished(self) -> Condition | None:
        """The condition that says it is over, for better or worse (upstream: `IsJobFinished`)."""
        return self.condition("Complete") or self.condition("Failed")

    @property
    def indexed(self) -> bool:
        return self.spec.completion_mode == "Indexed"

    @property
    def replaces_only_failed(self) -> bool:
        """Whether a pod on its way out is waited for before another takes its place."""
        spec = self.spec
        return spec.pod_replacement_policy == "Failed" or spec.pod_failure_policy is not None


@frozen
class CronJobSpec:
    schedule: str = ""
    time_zone: str | None = None
    starting_deadline_seconds: int | None = None
    concurrency_policy: str = "Allow"
    suspend: bool = False
    successful_jobs_history_limit: int | None = None
    failed_jobs_history_limit: int | None = None


@frozen
class CronJobStatus:
    active: tuple[ObjectReference, ...] = ()
    last_schedule_time: datetime | None = None
    last_successful_time: datetime | None = None


@frozen
class CronJob:
    metadata: Metadata
    spec: CronJobSpec = CronJobSpec()
    status: CronJobStatus = CronJobStatus()
