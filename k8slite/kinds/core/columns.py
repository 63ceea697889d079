"""How the kinds of the core group are printed (upstream: `printers/internalversion`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from attrs import evolve

from k8slite.kinds.cells import (
    AGE,
    CONTAINERS,
    IMAGES,
    MOST_LISTED,
    NAME,
    age,
    ago,
    containers_and_images,
    described,
    items,
    labels,
    name,
    no_more,
    part,
    table,
    with_more,
)
from k8slite.kinds.core.columns_network import SERVICE_TABLE
from k8slite.kinds.core.columns_node import NODE_TABLE
from k8slite.kinds.core.columns_pod import POD_TABLE
from k8slite.kinds.core.columns_volume import CLAIM_TABLE, VOLUME_TABLE
from k8slite.kinds.kind import Column, Json, Table


def _component_status(obj: Json, _now: datetime) -> list[Any]:
    for condition in items(obj, "conditions"):
        if condition.get("type") == "Healthy":
            healthy = condition.get("status") == "True"
            return [
                name(obj),
                "Healthy" if healthy else "Unhealthy",
                condition.get("message") or "",
                condition.get("error") or "",
            ]
    return [name(obj), "Unknown", "", ""]


def _config_map(obj: Json, now: datetime) -> list[Any]:
    return [name(obj), len(part(obj, "data")) + len(part(obj, "binaryData")), age(obj, now)]


def _endpoints(obj: Json, now: datetime) -> list[Any]:
    subsets = items(obj, "subsets")
    found: list[str] = []
    for subset in subsets:
        addresses = [one.get("ip", "") for one in items(subset, "addresses")]
        ports = items(subset, "ports")
        if not ports:
            found += addresses
        for port in ports:
            found += [f"{_bracketed(ip)}:{port.get('port', 0)}" for ip in addresses]
    listed = with_more(found[:MOST_LISTED], len(found)) if subsets else "<none>"
    return [name(obj), listed, age(obj, now)]


def _bracketed(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _event(obj: Json, now: datetime) -> list[Any]:
    first = ago(obj.get("firstTimestamp") or obj.get("eventTime"), now)
    last = ago(obj["lastTimestamp"], now) if obj.get("lastTimestamp") else first
    count = obj.get("count") or 1
    series = obj.get("series")
    if series is not None:
        last = ago(series.get("lastObservedTime"), now)
        count = series.get("count") or 0
    involved = part(obj, "involvedObject")
    target = (involved.get("kind") or "").lower()
    if involved.get("name"):
        target = f"{target}/{involved['name']}"
    source = part(obj, "source")
    component = source.get("component") or obj.get("reportingComponent") or ""
    instance = source.get("host") or obj.get("reportingInstance") or ""
    return [
        last,
        obj.get("type") or "",
        obj.get("reason") or "",
        target,
        involved.get("fieldPath") or "",
        f"{component}, {instance}" if instance else component,
        (obj.get("message") or "").strip(),
        first,
        count,
        name(obj),
    ]


def _namespace(obj: Json, now: datetime) -> list[Any]:
    return [name(obj), part(obj, "status").get("phase") or "", age(obj, now)]


def _pod_template(obj: Json, _now: datetime) -> list[Any]:
    template = part(obj, "template")
    return [
        name(obj),
        *containers_and_images(part(template, "spec")),
        labels(part(template, "metadata").get("labels")),
    ]


def _replication_controller(obj: Json, now: datetime) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    return [
        name(obj),
        spec.get("replicas") or 0,
        status.get("replicas") or 0,
        status.get("readyReplicas") or 0,
        age(obj, now),
        *containers_and_images(part(spec, "template", "spec")),
        labels(spec.get("selector")),
    ]


def _resource_quota(obj: Json, now: datetime) -> list[Any]:
    hard, used = part(obj, "status", "hard"), part(obj, "status", "used")
    requests: list[str] = []
    limits: list[str] = []
    for resource in sorted(hard):
        column = limits if resource.startswith("limits.") else requests
        column.append(f"{resource}: {used.get(resource, '0')}/{hard[resource]}")
    return [name(obj), ", ".join(requests), ", ".join(limits), age(obj, now)]


def _secret(obj: Json, now: datetime) -> list[Any]:
    return [name(obj), obj.get("type") or "", len(part(obj, "data")), age(obj, now)]


TABLES: Final[Mapping[str, Table]] = {
    "componentstatuses": table(
        _component_status,
        NAME,
        Column("Status", description="Status of the component conditions"),
        Column("Message", description="Message of the component conditions"),
        Column("Error", description="Error of the component conditions"),
    ),
    "configmaps": table(_config_map, NAME, described("Data", "core.v1.ConfigMap", "data"), AGE),
    "endpoints": table(
        _endpoints, NAME, described("Endpoints", "core.v1.Endpoints", "subsets"), AGE
    ),
    "events": table(
        _event,
        described("Last Seen", "core.v1.Event", "lastTimestamp"),
        described("Type", "core.v1.Event", "type"),
        described("Reason", "core.v1.Event", "reason"),
        described("Object", "core.v1.Event", "involvedObject"),
        described("Subobject", "core.v1.ObjectReference", "fieldPath", priority=1),
        described("Source", "core.v1.Event", "source", priority=1),
        described("Message", "core.v1.Event", "message"),
        described("First Seen", "core.v1.Event", "firstTimestamp", priority=1),
        described("Count", "core.v1.Event", "count", priority=1),
        evolve(NAME, priority=1),
    ),
    "namespaces": table(
        _namespace, NAME, Column("Status", description="The status of the namespace"), AGE
    ),
    "nodes": NODE_TABLE,
    "persistentvolumeclaims": CLAIM_TABLE,
    "persistentvolumes": VOLUME_TABLE,
    "pods": POD_TABLE,
    "podtemplates": table(
        _pod_template,
        NAME,
        Column("Containers", description=CONTAINERS.description),
        Column("Images", description=IMAGES.description),
        Column("Pod Labels", description="The labels for the pod template."),
    ),
    "replicationcontrollers": table(
        _replication_controller,
        NAME,
        described("Desired", "core.v1.ReplicationControllerSpec", "replicas", "integer"),
        described("Current", "core.v1.ReplicationControllerStatus", "replicas", "integer"),
        described("Ready", "core.v1.ReplicationControllerStatus", "readyReplicas", "integer"),
        AGE,
        CONTAINERS,
        IMAGES,
        described("Selector", "core.v1.ReplicationControllerSpec", "selector", priority=1),
    ),
    "resourcequotas": table(
        _resource_quota,
        NAME,
        Column(
            "Request",
            description="Request represents a minimum amount of cpu/memory that a container may "
            "consume.",
        ),
        Column(
            "Limit",
            description="Limits control the maximum amount of cpu/memory that a container may use "
            "independent of contention on the node.",
        ),
        AGE,
    ),
    "secrets": table(
        _secret,
        NAME,
        described("Type", "core.v1.Secret", "type"),
        described("Data", "core.v1.Secret", "data"),
        AGE,
    ),
    "serviceaccounts": table(no_more, NAME, AGE),
    "services": SERVICE_TABLE,
}
