"""Whether a Job is to end, and why (upstream: `syncJob`). Pure.

In this order: what was found out before; the pod failure policy; too many failures; too long; too
many failed indexes; the success policy; enough pods that succeeded.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from k8slite.controllers.batch.job_pods import failed, restarts
from k8slite.controllers.batch.job_policies import judge, success
from k8slite.controllers.batch.job_status import Draft, Ending
from k8slite.controllers.batch.job_tally import Tally
from k8slite.kinds.batch.models import Job

COMPLETE: Final = Ending(
    "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
)
_TOO_MANY: Final = Ending(
    "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
)
_TOO_LONG: Final = Ending(
    "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
)
_TOO_MANY_INDEXES: Final = Ending(
    "Failed",
    "MaxFailedIndexesExceeded",
    "Job has exceeded the specified maximal number of failed indexes",
)
_FAILED_INDEXES: Final = Ending("Failed", "FailedIndexes", "Job has failed indexes")


def verdict(job: Job, draft: Draft, tally: Tally, now: datetime) -> Ending | None:
    """How a Job ends whatever its active pods do; None as long as they may go on."""
    found = draft.ending() or _by_policy(job, tally)
    if found is not None:
        return found
    spec = job.spec
    if tally.failed > spec.backoff_limit or _restarted_too_often(job, tally):
        return _TOO_MANY
    remaining_seconds = deadline_seconds(job, now)
    if remaining_seconds is not None and remaining_seconds <= 0:
        return _TOO_LONG
    if tally.failed_indexes is not None:
        number = len(tally.failed_indexes)
        if spec.max_failed_indexes is not None and number > spec.max_failed_indexes:
            return _TOO_MANY_INDEXES
        if number and number + len(tally.succeeded_indexes) >= (spec.completions or 0):
            return _FAILED_INDEXES
    message = success(job, tally.succeeded_indexes)
    return Ending("Complete", "SuccessPolicy", message) if message else None


def complete(job: Job, tally: Tally, active: int) -> bool:
    """Whether all is done; without a number of completions one success is enough."""
    completions = job.spec.completions
    enough = tally.succeeded >= completions if completions is not None else tally.succeeded > 0
    return enough and active == 0


def deadline_seconds(job: Job, now: datetime) -> float | None:
    """How long the Job may still be active; None for ever, or while it sleeps."""
    spec = job.spec
    if spec.active_deadline_seconds is None or spec.suspend:
        return None
    started = job.status.start_time or now
    return spec.active_deadline_seconds - (now - started).total_seconds()


def _by_policy(job: Job, tally: Tally) -> Ending | None:
    if job.spec.pod_failure_policy is None:
        return None
    for pod in tally.pods:
        if failed(pod, job):
            message = judge(job, pod).message
            if message:
                return Ending("Failed", "PodFailurePolicy", message)
    return None


def _restarted_too_often(job: Job, tally: Tally) -> bool:
    """Pods that restart in place count by their restarts (upstream: `pastBackoffLimitOnFailure`)"""
    if job.spec.template.spec.restart_policy != "OnFailure":
        return False
    number, limit = restarts(tally.pods), job.spec.backoff_limit
    return number >= limit if limit else number > 0
