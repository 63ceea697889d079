"""How workloads are printed: how many of the wanted pods there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    age,
    containers_and_images,
    described,
    items,
    labels,
    name,
    part,
    selector,
    table,
)
from k8slite.kinds.kind import Column, Json, Table
from k8slite.objects.selectors import selector_of


def _controller_revision(obj: Json, now: datetime) -> list[Any]:
    return [name(obj), _controller(obj), obj.get("revision") or 0, age(obj, now)]


def _controller(obj: Json) -> str:
    for owner in items(part(obj, "metadata"), "ownerReferences"):
        if owner.get("controller"):
            group, _, _ = owner.get("apiVersion", "").rpartition("/")
            kind = owner.get("kind", "").lower()
            return f"{kind}.{group}/{owner['name']}" if group else f"{kind}/{owner['name']}"
    return "<none>"


def _daemon_set(obj: Json, now: datetime) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    pod = part(spec, "template", "spec")
    return [
        name(obj),
        status.get("desiredNumberScheduled") or 0,
        status.get("currentNumberScheduled") or 0,
        status.get("numberReady") or 0,
        status.get("updatedNumberScheduled") or 0,
        status.get("numberAvailable") or 0,
        labels(pod.get("nodeSelector")),
        age(obj, now),
        *containers_and_images(pod),
        selector(spec.get("selector")),
    ]


def _deployment(obj: Json, now: datetime) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    return [
        name(obj),
        f"{status.get('readyReplicas') or 0}/{spec.get('replicas') or 0}",
        status.get("updatedReplicas") or 0,
        status.get("availableReplicas") or 0,
        age(obj, now),
        *containers_and_images(part(spec, "template", "spec")),
        _plain_selector(spec.get("selector")),
    ]


def _plain_selector(found: Json | None) -> str:
    """Unlike other kinds, a deployment shows nothing where its selector selects everything."""
    try:
        return str(selector_of(found)) if found else ""
    except ValueError:
        return "<invalid>"


def _replica_set(obj: Json, now: datetime) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    return [
        name(obj),
        spec.get("replicas") or 0,
        status.get("replicas") or 0,
        status.get("readyReplicas") or 0,
        age(obj, now),
        *containers_and_images(part(spec, "template", "spec")),
        selector(spec.get("selector")),
    ]


def _stateful_set(obj: Json, now: datetime) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    return [
        name(obj),
        f"{status.get('readyReplicas') or 0}/{spec.get('replicas') or 0}",
        age(obj, now),
        *containers_and_images(part(spec, "template", "spec")),
    ]


_READY: Final = Column("Ready", description="Number of the pod with ready state")

TABLES: Final[Mapping[str, Table]] = {
    "controllerrevisions": table(
        _controller_revision,
        NAME,
        Column("Controller", description="Controller of the object"),
        described("Revision", "apps.v1.ControllerRevision", "revision"),
        AGE,
    ),
    "daemonsets": table(
        _daemon_set,
        NAME,
        described("Desired", "apps.v1.DaemonSetStatus", "desiredNumberScheduled", "integer"),
        described("Current", "apps.v1.DaemonSetStatus", "currentNumberScheduled", "integer"),
        described("Ready", "apps.v1.DaemonSetStatus", "numberReady", "integer"),
        described("Up-to-date", "apps.v1.DaemonSetStatus", "updatedNumberScheduled", "integer"),
        described("Available", "apps.v1.DaemonSetStatus", "numberAvailable", "integer"),
        described("Node Selector", "core.v1.PodSpec", "nodeSelector"),
        AGE,
        CONTAINERS,
        IMAGES,
        described("Selector", "apps.v1.DaemonSetSpec", "selector", priority=1),
    ),
    "deployments": table(
        _deployment,
        NAME,
        _READY,
        described("Up-to-date", "apps.v1.DeploymentStatus", "updatedReplicas"),
        described("Available", "apps.v1.DeploymentStatus", "availableReplicas"),
        AGE,
        CONTAINERS,
        IMAGES,
        described("Selector", "apps.v1.DeploymentSpec", "selector", priority=1),
    ),
    "replicasets": table(
        _replica_set,
        NAME,
        described("Desired", "apps.v1.ReplicaSetSpec", "replicas", "integer"),
        described("Current", "apps.v1.ReplicaSetStatus", "replicas", "integer"),
        described("Ready", "apps.v1.ReplicaSetStatus", "readyReplicas", "integer"),
        AGE,
        CONTAINERS,
        IMAGES,
        described("Selector", "apps.v1.ReplicaSetSpec", "selector", priority=1),
    ),
    "statefulsets": table(_stateful_set, NAME, _READY, AGE, CONTAINERS, IMAGES),
}
