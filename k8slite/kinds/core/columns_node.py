"""How a node is printed: ready or not, its roles, and what it runs (upstream: `printNode`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import AGE, NAME, age, described, items, name, part, table
from k8slite.kinds.kind import Column, Json, Table

_ROLE_PREFIX: Final = "node-role.kubernetes.io/"
_ROLE_LABEL: Final = "kubernetes.io/role"


def _node(obj: Json, now: datetime) -> list[Any]:
    status = part(obj, "status")
    info = part(status, "nodeInfo")
    return [
        name(obj),
        _readiness(obj),
        ",".join(_roles(part(obj, "metadata", "labels"))) or "<none>",
        age(obj, now),
        info.get("kubeletVersion") or "",
        _address(status, "InternalIP"),
        _address(status, "ExternalIP"),
        info.get("osImage") or "<unknown>",
        info.get("kernelVersion") or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def _readiness(obj: Json) -> str:
    ready = ""
    for condition in items(part(obj, "status"), "conditions"):
        if condition.get("type") == "Ready":
            ready = "Ready" if condition.get("status") == "True" else "NotReady"
    unschedulable = part(obj, "spec").get("unschedulable")
    return (ready or "Unknown") + (",SchedulingDisabled" if unschedulable else "")


def _roles(labels: Mapping[str, str]) -> list[str]:
    found = {label.removeprefix(_ROLE_PREFIX) for label in labels if label.startswith(_ROLE_PREFIX)}
    found.add(labels.get(_ROLE_LABEL) or "")
    return sorted(role for role in found if role)


def _address(status: Mapping[str, Any], wanted: str) -> str:
    for address in items(status, "addresses"):
        if address.get("type") == wanted:
            return str(address.get("address", ""))
    return "<none>"


NODE_TABLE: Final[Table] = table(
    _node,
    NAME,
    Column("Status", description="The status of the node"),
    Column("Roles", description="The roles of the node"),
    AGE,
    described("Version", "core.v1.NodeSystemInfo", "kubeletVersion"),
    described("Internal-IP", "core.v1.NodeStatus", "addresses", priority=1),
    described("External-IP", "core.v1.NodeStatus", "addresses", priority=1),
    described("OS-Image", "core.v1.NodeSystemInfo", "osImage", priority=1),
    described("Kernel-Version", "core.v1.NodeSystemInfo", "kernelVersion", priority=1),
    described("Container-Runtime", "core.v1.NodeSystemInfo", "containerRuntimeVersion", priority=1),
)
