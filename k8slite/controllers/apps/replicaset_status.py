"""What a ReplicaSet's status says of its pods (upstream: `replica_set_utils.go`). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from k8slite.controllers.pod_availability import available_in_seconds
from k8slite.kinds.apps.models import ReplicaSet, ReplicationController
from k8slite.kinds.core.models import Condition, Pod
from k8slite.objects.meta import timestamp

Json = dict[str, Any]


@frozen
class Failure:
    """Why pods could not be created or deleted."""

    reason: str  # FailedCreate or FailedDelete
    message: str


@frozen
class Computed:
    """A status as JSON, and in how many seconds time alone changes it (None: never)."""

    status: Json
    changes_after_seconds: float | None


def active(pod: Pod) -> bool:
    """Whether a pod counts as a replica (upstream: `IsPodActive`)."""
    return pod.metadata.deletion_timestamp is None and not pod.terminal


def terminating(pod: Pod) -> bool:
    """Whether a pod is on its way out (upstream: `IsPodTerminating`)."""
    return pod.metadata.deletion_timestamp is not None and not pod.terminal


def compute(
    replica_set: ReplicaSet | ReplicationController,
    pods: Sequence[Pod],
    terminating_pods: int,
    failure: Failure | None,
    now: datetime,
) -> Computed:
    """The status that a set with these active pods should have."""
    template = replica_set.spec.template.metadata.labels.items()
    min_ready_seconds = replica_set.spec.min_ready_seconds
    labeled = ready = available = 0
    next_change: float | None = None
    for pod in pods:
        if template <= pod.metadata.labels.items():
            labeled += 1
        if not pod.ready:
            continue
        ready += 1
        waiting = available_in_seconds(pod, min_ready_seconds, now)
        if waiting == 0:
            available += 1
        elif waiting is not None:
            next_change = waiting if next_change is None else min(next_change, waiting)
    status: Json = {
        "replicas": len(pods),
        "terminatingReplicas": terminating_pods,
        "observedGeneration": replica_set.metadata.generation,
    }
    counts = {"fullyLabeledReplicas": labeled, "readyReplicas": ready}
    status |= {
        key: value for key, value in (counts | {"availableReplicas": available}).items() if value
    }
    conditions = _conditions(replica_set.status.conditions, failure, now)
    if conditions:
        status["conditions"] = conditions
    return Computed(status, next_change)


def _conditions(known: Iterable[Condition], failure: Failure | None, now: datetime) -> list[Json]:
    """ReplicaFailure stays as it first was while failures go on (as upstream)."""
    found = [_json(one) for one in known if failure is not None or one.type != "ReplicaFailure"]
    if failure is not None and all(one["type"] != "ReplicaFailure" for one in found):
        found.append(
            {
                "type": "ReplicaFailure",
                "status": "True",
                "lastTransitionTime": timestamp(now),
                "reason": failure.reason,
                "message": failure.message,
            }
        )
    return found


def _json(condition: Condition) -> Json:
    moment = condition.last_transition_time
    found = {
        "type": condition.type,
        "status": condition.status,
        "lastTransitionTime": timestamp(moment) if moment else "",
        "reason": condition.reason,
        "message": condition.message,
    }
    return {key: value for key, value in found.items() if value}
