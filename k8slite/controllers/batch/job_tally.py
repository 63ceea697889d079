"""One look at a Job's pods: how many are active, and how many have ended since the status was
written (upstream: `syncJobCtx` of `job_controller.go`). Pure.

A pod that carries the tracking finalizer is not in the status' numbers yet, unless its UID is among
those that wait there for the finalizer to be gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import Factory, define

from k8slite.controllers.apps.replicaset_status import active, terminating
from k8slite.controllers.batch import job_indexes
from k8slite.controllers.batch.job_indexes import Indexes
from k8slite.controllers.batch.job_pods import (
    counts,
    failed,
    finished_at,
    ignored_index_failures,
    index_failures,
    index_of,
    tracked,
    valid_index,
)
from k8slite.controllers.batch.job_policies import judge
from k8slite.kinds.batch.models import Job
from k8slite.kinds.core.models import Pod


@define(eq=False)
class Tally:
    """What there is of a Job."""

    pods: list[Pod]  # all that are active, on their way out or not counted yet
    active: list[Pod]
    ready: int
    terminating: int
    new_succeeded: list[Pod]  # not in the status in any way
    new_failed: list[Pod]
    succeeded: int  # with those that the status does not count yet
    failed: int
    counted_indexes: Indexes = Indexes()  # as the status has them
    succeeded_indexes: Indexes = Indexes()
    failed_indexes: Indexes | None = None  # None where failures are not counted per index
    # By index: the pod whose successor must say how often the index failed; it stays until then.
    delayed: Mapping[int, Pod] = Factory(dict)


def count(job: Job, pods: Iterable[Pod]) -> Tally:
    """Look at the pods that a Job claims."""
    status = job.status
    uncounted = status.uncounted_terminated_pods
    known_succeeded, known_failed = set(uncounted.succeeded), set(uncounted.failed)
    tally = Tally([], [], 0, 0, [], [], 0, 0)
    for pod in pods:
        tally.pods.append(pod)
        if active(pod):
            tally.active.append(pod)
            tally.ready += pod.ready
        elif terminating(pod):
            tally.terminating += 1
        if not tracked(pod) or not counts(pod, job):
            continue
        uid = pod.metadata.uid
        if pod.status.phase == "Succeeded":
            if uid not in known_succeeded:
                tally.new_succeeded.append(pod)
        elif uid not in known_failed and failed(pod, job):
            tally.new_failed.append(pod)
    ignored = sum(not judge(job, pod).counted for pod in tally.new_failed)
    tally.succeeded = status.succeeded + len(tally.new_succeeded) + len(known_succeeded)
    tally.failed = status.failed + len(tally.new_failed) - ignored + len(known_failed)
    if job.indexed:
        _count_indexes(job, tally)
    return tally


def _count_indexes(job: Job, tally: Tally) -> None:
    completions = job.spec.completions or 0
    tally.counted_indexes = job_indexes.parse(job.status.completed_indexes, completions)
    new = job_indexes.of(
        index for pod in tally.new_succeeded if (index := index_of(pod)) is not None
    )
    tally.succeeded_indexes = tally.counted_indexes | new
    tally.succeeded = len(tally.succeeded_indexes)
    if job.spec.backoff_limit_per_index is None:
        return
    known = job_indexes.parse(job.status.failed_indexes or "", completions)
    ended = [pod for pod in tally.pods if tracked(pod) and failed(pod, job)]
    new_failed = [index for pod in ended if (index := _given_up(job, pod)) is not None]
    tally.failed_indexes = known | job_indexes.of(new_failed)
    tally.delayed = _delayed(job, tally, ended)


def _given_up(job: Job, pod: Pod) -> int | None:
    """The index that this failure was the last one of."""
    index, judgement = valid_index(pod, job), judge(job, pod)
    limit = job.spec.backoff_limit_per_index or 0
    if judgement.action == "FailIndex" or (judgement.counted and index_failures(pod) >= limit):
        return index
    return None


def _delayed(job: Job, tally: Tally, ended: list[Pod]) -> dict[int, Pod]:
    running = {index_of(pod) for pod in tally.active}
    assert tally.failed_indexes is not None, "failures are counted per index"
    found: dict[int, Pod] = {}
    for pod in ended:
        index = valid_index(pod, job)
        if index is None or index in running:
            continue
        if index in tally.succeeded_indexes or index in tally.failed_indexes:
            continue
        last = found.get(index)
        if last is None or _not_before(pod, last):
            found[index] = pod
    return found


def _not_before(pod: Pod, last: Pod) -> bool:
    """Whether a pod of an index failed after another of it."""
    if _failures(pod) < _failures(last):
        return False
    ended, last_ended = finished_at(pod), finished_at(last)
    return ended is None or last_ended is None or ended >= last_ended


def _failures(pod: Pod) -> int:
    return index_failures(pod) + ignored_index_failures(pod)
