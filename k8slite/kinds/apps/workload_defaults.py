"""What Deployments, ReplicaSets, StatefulSets and DaemonSets get where nothing was said.

Mirrors `pkg/apis/apps/v1/defaults.go`.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.object_defaults import default_claim
from k8slite.kinds.core.pod_defaults import default_pod_template
from k8slite.kinds.core.status_defaults import keep_status

Json = dict[str, Any]

REVISION_HISTORY_LIMIT: Final = 10
PROGRESS_DEADLINE_SECONDS: Final = 600
TEMPLATE_GENERATION: Final = "deprecated.daemonset.template.generation"


def default_deployment(deployment: Json) -> None:
    """Fill in a Deployment."""
    spec = deployment.setdefault("spec", {})
    default_pod_template(spec.setdefault("template", {}))
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", REVISION_HISTORY_LIMIT)
    spec.setdefault("progressDeadlineSeconds", PROGRESS_DEADLINE_SECONDS)
    deployment.setdefault("status", {})


def default_replica_set(replica_set: Json) -> None:
    """Fill in a ReplicaSet."""
    spec = replica_set.setdefault("spec", {})
    if "template" in spec:
        default_pod_template(spec["template"])
    spec.setdefault("replicas", 1)
    replica_set.setdefault("status", {}).setdefault("replicas", 0)


def default_stateful_set(stateful_set: Json) -> None:
    """Fill in a StatefulSet."""
    spec = stateful_set.setdefault("spec", {})
    default_pod_template(spec.setdefault("template", {}))
    if not spec.get("podManagementPolicy"):
        spec["podManagementPolicy"] = "OrderedReady"
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and "rollingUpdate" in strategy:
        strategy["rollingUpdate"].setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    for key in ("whenDeleted", "whenScaled"):
        if not retention.get(key):
            retention[key] = "Retain"
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", REVISION_HISTORY_LIMIT)
    for claim in spec.get("volumeClaimTemplates", ()):
        claim["apiVersion"], claim["kind"] = "v1", "PersistentVolumeClaim"
        claim.setdefault("metadata", {})
        default_claim(claim)
    status = stateful_set.setdefault("status", {})
    status.setdefault("replicas", 0)
    status.setdefault("availableReplicas", 0)


def default_daemon_set(daemon_set: Json) -> None:
    """Fill in a DaemonSet."""
    annotations = daemon_set.setdefault("metadata", {}).setdefault("annotations", {})
    annotations.setdefault(TEMPLATE_GENERATION, "0")
    spec = daemon_set.setdefault("spec", {})
    default_pod_template(spec.setdefault("template", {}))
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", REVISION_HISTORY_LIMIT)
    status = daemon_set.setdefault("status", {})
    for key in _DAEMON_COUNTS:
        status.setdefault(key, 0)


def prepare_daemon_set(new: Json, old: Json | None) -> None:
    """The template's generation lives on in an annotation that clients cannot set."""
    keep_status(new, old)
    generation = 1
    if old is not None:
        before = old["metadata"].get("annotations", {}).get(TEMPLATE_GENERATION, "0")
        generation = int(before) if before.isdecimal() else 0
        if new.get("spec", {}).get("template") != old.get("spec", {}).get("template"):
            generation += 1
    new["metadata"].setdefault("annotations", {})[TEMPLATE_GENERATION] = str(generation)


_DAEMON_COUNTS: Final = (
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
)
