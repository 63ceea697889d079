"""What a StatefulSet's status says of its pods and revisions (upstream: `updateStatus`). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from k8slite.controllers.apps.history import Revision
from k8slite.controllers.apps.statefulset_pods import revision_of
from k8slite.controllers.pod_availability import available
from k8slite.kinds.apps.models import StatefulSet
from k8slite.kinds.core.models import Pod

Json = dict[str, Any]

_COUNTS = ("readyReplicas", "currentReplicas", "updatedReplicas")  # left out where they are zero


def counted(
    stateful_set: StatefulSet,
    pods: Iterable[Pod],
    current: Revision,
    update: Revision,
    collision_count: int,
    now: datetime,
) -> Json:
    """The status that these pods make, with every count, also those that are zero."""
    status: Json = {
        "observedGeneration": stateful_set.metadata.generation,
        "replicas": 0,
        "availableReplicas": 0,
        **dict.fromkeys(_COUNTS, 0),
        "currentRevision": current.name,
        "updateRevision": update.name,
        "collisionCount": collision_count,
    }
    for pod in pods:
        status["replicas"] += 1
        if pod.status.phase == "Running" and pod.ready:
            status["readyReplicas"] += 1
            if available(pod, stateful_set.spec.min_ready_seconds, now):
                status["availableReplicas"] += 1
        if pod.metadata.deletion_timestamp is None:
            status["currentReplicas"] += revision_of(pod) == current.name
            status["updatedReplicas"] += revision_of(pod) == update.name
    return status


def finished(stateful_set: StatefulSet, status: Json) -> Json:
    """A status as it is written: when the last pod of a rollout is ready, the revision that was
    rolled out is the current one (upstream: `completeRollingUpdate`)."""
    wanted = stateful_set.spec.replicas
    found = dict(status)
    if stateful_set.spec.update_strategy.type == "RollingUpdate" and all(
        found[key] == wanted for key in ("updatedReplicas", "readyReplicas", "replicas")
    ):
        found["currentReplicas"] = found["updatedReplicas"]
        found["currentRevision"] = found["updateRevision"]
    return {key: value for key, value in found.items() if value or key not in _COUNTS}
