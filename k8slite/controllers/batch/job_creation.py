"""The pods that a Job makes (upstream: `manageJob` and `indexed_job_utils.go`). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

from attrs import frozen

from k8slite.client.resource import JOBS
from k8slite.controllers.apps.replicaset_status import terminating
from k8slite.controllers.batch import job_indexes
from k8slite.controllers.batch.job_backoff import BackOff, index_remaining_seconds
from k8slite.controllers.batch.job_pods import (
    COMPLETION_INDEX,
    INDEX_FAILURES,
    INDEX_IGNORED_FAILURES,
    TRACKING_FINALIZER,
    ignored_index_failures,
    index_failures,
    index_of,
)
from k8slite.controllers.batch.job_policies import judge
from k8slite.controllers.batch.job_tally import Tally
from k8slite.controllers.ownership import Owner
from k8slite.controllers.pod_control import BURST_PODS, pod_of_template
from k8slite.kinds.batch.models import Job
from k8slite.kinds.core.models import Pod

Json = dict[str, Any]

_INDEX_VARIABLE: Final = "JOB_COMPLETION_INDEX"
_NAME_BASE_MOST: Final = 58  # characters before the five that are drawn


@frozen
class Wanted:
    """Pods to make now, or how long to wait before the next look."""

    pods: Sequence[Json] = ()
    wait_seconds: float = 0.0


def wanted_active(job: Job, tally: Tally) -> int:
    """How many pods are to be active: never more than completions are still to come."""
    if job.spec.suspend:
        return 0
    if job.spec.completions is None:
        # After the first success, whatever runs may run on, and nothing is added.
        return len(tally.active) if tally.succeeded else job.spec.parallelism
    return max(0, min(job.spec.parallelism, job.spec.completions - tally.succeeded))


def wanted_pods(job: Job, document: Json, tally: Tally, back_off: BackOff, now: datetime) -> Wanted:
    """The pods that are missing, as far as the pauses after failures allow it."""
    missing = wanted_active(job, tally) - len(tally.active)
    if job.replaces_only_failed:
        missing -= tally.terminating
    if missing <= 0:
        return Wanted()
    missing = min(missing, BURST_PODS)
    per_index = job.spec.backoff_limit_per_index is not None
    if not per_index:
        wait_seconds = back_off.remaining_seconds(now)
        if wait_seconds > 0:
            return Wanted(wait_seconds=wait_seconds)
    owner = Owner(JOBS, job.metadata)
    template = _template(document, indexed=job.indexed)
    if not job.indexed:
        return Wanted([pod_of_template(template, owner)] * missing)
    indexes = list(islice(_pending(job, tally), missing))
    if per_index:
        waits = {index: index_remaining_seconds(tally.delayed.get(index), now) for index in indexes}
        ready = [index for index in indexes if waits[index] == 0]
        if not ready:
            return Wanted(wait_seconds=min(waits.values(), default=0.0))
        indexes = ready
    return Wanted([_indexed_pod(job, template, owner, index, tally) for index in indexes])


def _pending(job: Job, tally: Tally) -> Iterator[int]:
    """The indexes that have neither ended nor a pod (upstream: `firstPendingIndexes`)."""
    busy: list[Pod] = list(tally.active)
    if job.replaces_only_failed:
        busy += filter(terminating, tally.pods)
    taken = job_indexes.of(index for pod in busy if (index := index_of(pod)) is not None)
    taken |= tally.succeeded_indexes
    if tally.failed_indexes is not None:
        taken |= tally.failed_indexes
    return taken.missing(job.spec.completions or 0)


def _template(document: Json, *, indexed: bool) -> Json:
    """The Job's template with the finalizer, and the index in every container's environment."""
    template: Json = document["spec"]["template"]
    metadata = dict(template.get("metadata") or {})
    finalizers = metadata.get("finalizers") or []
    if TRACKING_FINALIZER not in finalizers:
        metadata["finalizers"] = [*finalizers, TRACKING_FINALIZER]
    spec = template["spec"]
    if indexed:
        spec = dict(spec)
        for group in ("containers", "initContainers"):
            if group in spec:
                spec[group] = [_knowing_its_index(container) for container in spec[group]]
    return {"metadata": metadata, "spec": spec}


def _knowing_its_index(container: Json) -> Json:
    variables = container.get("env") or []
    if any(one["name"] == _INDEX_VARIABLE for one in variables):
        return container
    path = f"metadata.labels['{COMPLETION_INDEX}']"
    mine = {"name": _INDEX_VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": path}}}
    return {**container, "env": [*variables, mine]}


def _indexed_pod(job: Job, template: Json, owner: Owner, index: int, tally: Tally) -> Json:
    metadata = template["metadata"]
    number = {COMPLETION_INDEX: str(index)}
    annotations = {**(metadata.get("annotations") or {}), **number}
    if job.spec.backoff_limit_per_index is not None:
        annotations |= _failures_so_far(job, tally.delayed.get(index))
    labels = {**(metadata.get("labels") or {}), **number}
    name = job.metadata.name
    suffix = f"-{index}-"
    described = {
        "metadata": {**metadata, "labels": labels, "annotations": annotations},
        "spec": {**template["spec"], "hostname": f"{name}-{index}"},
    }
    return pod_of_template(described, owner, name[: _NAME_BASE_MOST - len(suffix)] + suffix)


def _failures_so_far(job: Job, last: Pod | None) -> dict[str, str]:
    """What the next pod of an index says of those before it."""
    counted = ignored = 0
    if last is not None:
        counted, ignored = index_failures(last), ignored_index_failures(last)
        if judge(job, last).counted:
            counted += 1
        else:
            ignored += 1
    found = {INDEX_FAILURES: str(counted)}
    return {**found, INDEX_IGNORED_FAILURES: str(ignored)} if ignored else found
