"""What a Deployment's status says of its ReplicaSets and of the rollout. Pure.

Mirrors `sync.go`, `progress.go` and the conditions of `deployment_util.go`. A status is JSON as it
is written: numbers that are zero are left out, as upstream's serialization does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from attrs import frozen

from k8slite.controllers.apps.deployment_rolling import asked, max_unavailable
from k8slite.kinds.apps.models import Deployment, ReplicaSet
from k8slite.kinds.core.models import Condition
from k8slite.objects.meta import find_condition, parse_timestamp, timestamp

Json = dict[str, Any]

NO_DEADLINE: Final = 2**31 - 1  # this progressDeadlineSeconds stands for none
PROGRESSING: Final = "Progressing"
AVAILABLE: Final = "Available"
REPLICA_FAILURE: Final = "ReplicaFailure"
COMPLETE: Final = "NewReplicaSetAvailable"
TIMED_OUT: Final = "ProgressDeadlineExceeded"
PAUSED: Final = "DeploymentPaused"
RESUMED: Final = "DeploymentResumed"


@frozen
class Sets:
    """A deployment's ReplicaSets: the current one, and the others."""

    old: Sequence[ReplicaSet]
    new: ReplicaSet | None

    @property
    def all(self) -> list[ReplicaSet]:
        return [*self.old, *([self.new] if self.new is not None else [])]


def has_deadline(deployment: Deployment) -> bool:
    """Whether lack of progress is ever called a failure."""
    return deployment.spec.progress_deadline_seconds not in (None, NO_DEADLINE)


def condition_of(status: Json, wanted: str) -> Json | None:
    """The condition of that type."""
    found = find_condition(status.get("conditions") or (), wanted)
    return dict(found) if found is not None else None


def with_condition(
    status: Json, type_: str, value: str, reason: str, message: str, now: datetime
) -> Json:
    """A status with a condition set; one of the same status and reason stays as it is, and the
    time of transition stays while the condition's status does (`SetDeploymentCondition`)."""
    current = condition_of(status, type_)
    if current is not None and (current["status"], current.get("reason")) == (value, reason):
        return status
    moment = timestamp(now)
    same = current is not None and current["status"] == value
    condition = {
        "type": type_,
        "status": value,
        "lastUpdateTime": moment,
        "lastTransitionTime": (current or {}).get("lastTransitionTime", moment) if same else moment,
        "reason": reason,
        "message": message,
    }
    others = without_condition(status, type_).get("conditions", [])
    return {**status, "conditions": [*others, condition]}


def without_condition(status: Json, type_: str) -> Json:
    """A status without a condition."""
    kept = [one for one in status.get("conditions") or () if one["type"] != type_]
    found = {key: value for key, value in status.items() if key != "conditions"}
    return {**found, "conditions": kept} if kept else found


def counted(deployment: Deployment, old: Json, sets: Sets, now: datetime) -> Json:
    """The counts and the condition Available (upstream: `calculateStatus`)."""
    available = sum(one.status.available_replicas for one in sets.all)
    counts = {
        "observedGeneration": deployment.metadata.generation,
        "replicas": sum(one.status.replicas for one in sets.all),
        "updatedReplicas": sets.new.status.replicas if sets.new is not None else 0,
        "readyReplicas": sum(one.status.ready_replicas for one in sets.all),
        "availableReplicas": available,
        "unavailableReplicas": max(0, asked(sets.all) - available),
    }
    status: Json = {key: value for key, value in counts.items() if value}
    terminating = _terminating(sets.all)
    if terminating is not None:
        status["terminatingReplicas"] = terminating
    for kept in ("collisionCount", "conditions"):
        if old.get(kept) is not None:
            status[kept] = old[kept]
    if available >= deployment.spec.replicas - max_unavailable(deployment):
        said = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        said = (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        )
    return with_condition(status, AVAILABLE, *said, now)


def complete(deployment: Deployment, status: Json) -> bool:
    """Whether all pods are new and available, and no old ones are left."""
    replicas = deployment.spec.replicas
    full = all(
        status.get(key, 0) == replicas
        for key in ("updatedReplicas", "replicas", "availableReplicas")
    )
    observed: int = status.get("observedGeneration", 0)
    return full and observed >= deployment.metadata.generation


def rollout(deployment: Deployment, old: Json, sets: Sets, now: datetime) -> Json:
    """The whole status during a rollout (upstream: `syncRolloutStatus`)."""
    status = counted(deployment, old, sets, now)
    if not has_deadline(deployment):
        status = without_condition(status, PROGRESSING)
    else:
        status = _progress(deployment, old, status, sets, now)
    failure = _failure(sets)
    status = without_condition(status, REPLICA_FAILURE)
    if failure is not None:
        status = {**status, "conditions": [*status.get("conditions", []), failure]}
    return status


def checked_again_in_seconds(deployment: Deployment, status: Json, now: datetime) -> float | None:
    """When a rollout that stands still must be looked at, or None (`requeueStuckDeployment`)."""
    current = condition_of(status, PROGRESSING)
    if not has_deadline(deployment) or current is None:
        return None
    if complete(deployment, status) or current.get("reason") in (TIMED_OUT, COMPLETE):
        return None
    passed = (now - parse_timestamp(current["lastUpdateTime"])).total_seconds()
    # One second more, so that rounded times cannot make it early.
    return max(0.0, (deployment.spec.progress_deadline_seconds or 0) - passed) + 1.0


def _progress(deployment: Deployment, old: Json, status: Json, sets: Sets, now: datetime) -> Json:
    current = condition_of(old, PROGRESSING)
    finished = (
        status.get("replicas", 0) == status.get("updatedReplicas", 0)
        and current is not None
        and current.get("reason") == COMPLETE
    )
    if finished:
        return status  # scaling and restarts of pods are not progress of a rollout
    if sets.new is not None:
        subject = f'ReplicaSet "{sets.new.metadata.name}"'
    else:
        subject = f'Deployment "{deployment.metadata.name}"'
    if complete(deployment, status):
        message = f"{subject} has successfully progressed."
        return with_condition(status, PROGRESSING, "True", COMPLETE, message, now)
    if _progressing(old, status):
        renewed = without_condition(status, PROGRESSING)
        message = f"{subject} is progressing."
        renewed = with_condition(renewed, PROGRESSING, "True", "ReplicaSetUpdated", message, now)
        if current is not None and current["status"] == "True":
            renewed["conditions"][-1]["lastTransitionTime"] = current["lastTransitionTime"]
        return renewed
    if _timed_out(deployment, status, now):
        message = f"{subject} has timed out progressing."
        return with_condition(status, PROGRESSING, "False", TIMED_OUT, message, now)
    return status


def _progressing(old: Json, new: Json) -> bool:
    def number(status: Json, key: str) -> int:
        return int(status.get(key, 0))

    old_pods = number(old, "replicas") - number(old, "updatedReplicas")
    new_pods = number(new, "replicas") - number(new, "updatedReplicas")
    return new_pods < old_pods or any(
        number(new, key) > number(old, key)
        for key in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )


def _timed_out(deployment: Deployment, status: Json, now: datetime) -> bool:
    current = condition_of(status, PROGRESSING)
    if current is None or current.get("reason") == COMPLETE:
        return False
    if current.get("reason") == TIMED_OUT:
        return True
    passed = (now - parse_timestamp(current["lastUpdateTime"])).total_seconds()
    return passed > (deployment.spec.progress_deadline_seconds or 0)


def _failure(sets: Sets) -> Json | None:
    """The ReplicaFailure of the new set, else of another (upstream: `getReplicaFailures`)."""
    for one in [*([sets.new] if sets.new is not None else []), *sets.old]:
        for condition in one.status.conditions:
            if condition.type == REPLICA_FAILURE:
                return _promoted(condition)
    return None


def _promoted(condition: Condition) -> Json:
    moment = timestamp(condition.last_transition_time) if condition.last_transition_time else None
    found = {
        "type": condition.type,
        "status": condition.status,
        "lastUpdateTime": moment,
        "lastTransitionTime": moment,
        "reason": condition.reason,
        "message": condition.message,
    }
    return {key: value for key, value in found.items() if value}


def _terminating(sets: Sequence[ReplicaSet]) -> int | None:
    """Unknown as soon as one set that has been looked at does not say."""
    total = 0
    for one in sets:
        if one.status.terminating_replicas is not None:
            total += one.status.terminating_replicas
        elif one.status.observed_generation:
            return None
    return total
