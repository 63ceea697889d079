"""What a Job reads in its pods (upstream: `job_controller.go`, `indexed_job_utils.go`). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from k8slite.controllers.apps.replicaset_ranking import worst_first
from k8slite.kinds.batch.models import Job
from k8slite.kinds.core.models import ContainerStatus, Pod

# A pod that carries this has not been counted yet, and does not go before it is.
TRACKING_FINALIZER: Final = "batch.kubernetes.io/job-tracking"
COMPLETION_INDEX: Final = "batch.kubernetes.io/job-completion-index"
INDEX_FAILURES: Final = "batch.kubernetes.io/job-index-failure-count"
INDEX_IGNORED_FAILURES: Final = "batch.kubernetes.io/job-index-ignored-failure-count"

_COUNT_MOST: Final = 2**31 - 1


def tracked(pod: Pod) -> bool:
    """Whether the pod is still to be counted."""
    return TRACKING_FINALIZER in pod.metadata.finalizers


def failed(pod: Pod, job: Job) -> bool:
    """Whether it counts as failed: where pods on their way out are not waited for, they do too, as
    they may never get to say how they ended (upstream: `isPodFailed`)."""
    if pod.status.phase == "Failed":
        return True
    if job.replaces_only_failed or pod.metadata.deletion_timestamp is None:
        return False
    return pod.status.phase != "Succeeded"


def index_of(pod: Pod) -> int | None:
    """Its completion index, if it has one that can be read."""
    text = pod.metadata.annotations.get(COMPLETION_INDEX, "")
    return int(text) if text.isdecimal() else None


def valid_index(pod: Pod, job: Job) -> int | None:
    """Its completion index, if the Job has that (still: its completions may have become fewer)."""
    index = index_of(pod)
    return index if index is not None and index < (job.spec.completions or 0) else None


def counts(pod: Pod, job: Job) -> bool:
    """Whether it is one that the Job counts: in an indexed Job, one with a valid index."""
    return not job.indexed or valid_index(pod, job) is not None


def index_failures(pod: Pod) -> int:
    """How many pods of its index failed before it, and were counted."""
    return _annotated(pod, INDEX_FAILURES)


def ignored_index_failures(pod: Pod) -> int:
    """How many pods of its index failed before it, and were ignored."""
    return _annotated(pod, INDEX_IGNORED_FAILURES)


def finished_at(pod: Pod) -> datetime | None:
    """When it ended (upstream: `getFinishedTime`): when its last container did, or it ceased to be
    ready, or when it was deleted, or at worst when it was made."""
    ended = _containers_ended(pod)
    if ended is not None:
        return ended
    ready = pod.condition("Ready")
    if ready is not None and ready.status == "False" and ready.last_transition_time is not None:
        return ready.last_transition_time
    metadata = pod.metadata
    if metadata.deletion_timestamp is not None:
        grace = timedelta(seconds=metadata.deletion_grace_period_seconds or 0)
        return metadata.deletion_timestamp - grace
    return metadata.creation_timestamp


def restarts(pods: Iterable[Pod]) -> int:
    """How often the containers of pods that have not ended were restarted."""
    return sum(
        status.restart_count
        for pod in pods
        if pod.status.phase in ("Running", "Pending")
        for status in (*pod.status.init_container_statuses, *pod.status.container_statuses)
    )


def surplus(job: Job, pods: Sequence[Pod], at_least: int, now: datetime) -> list[Pod]:
    """Which active pods are to go (upstream: `activePodsForRemoval`): those without a valid index,
    all but one of those with the same, and of the rest so many that `at_least` go."""
    gone: list[Pod] = []
    rest: Sequence[Pod] = pods
    if job.indexed:
        by_index: dict[int, list[Pod]] = {}
        for pod in pods:
            index = valid_index(pod, job)
            if index is None:
                gone.append(pod)
            else:
                by_index.setdefault(index, []).append(pod)
        kept: list[Pod] = []
        for same in by_index.values():
            if len(same) > 1:
                same = worst_first(same, (), now)
            gone += same[:-1]
            kept.append(same[-1])
        rest = kept
    if len(gone) < at_least:
        gone += worst_first(rest, (), now)[: at_least - len(gone)]
    return gone


def _containers_ended(pod: Pod) -> datetime | None:
    sidecars = {one.name for one in pod.spec.init_containers if one.restart_policy == "Always"}
    statuses: list[ContainerStatus] = list(pod.status.container_statuses)
    statuses += [one for one in pod.status.init_container_statuses if one.name in sidecars]
    latest: datetime | None = None
    for status in statuses:
        terminated = status.state.terminated
        if terminated is None or terminated.finished_at is None:
            return None
        if latest is None or terminated.finished_at > latest:
            latest = terminated.finished_at
    return latest


def _annotated(pod: Pod, name: str) -> int:
    text = pod.metadata.annotations.get(name, "")
    count = int(text) if text.isdecimal() else 0
    return count if count <= _COUNT_MOST else 0
