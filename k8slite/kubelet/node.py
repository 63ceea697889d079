"""The Node object that a kubelet registers, and what it says of itself (pure).

Upstream: `kubelet_node_status.go`, `nodestatus/setters.go`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final

from attrs import Factory, frozen

from k8slite.kinds.core.resource_validation import is_extended

Json = dict[str, Any]

# The addresses of nodes that name none: shared address space (RFC 6598), which neither pods nor
# services nor the machine's own networks use by default.
_NODE_NETWORK: Final = ipaddress.ip_network("100.64.0.0/10")
KUBELET_PORT: Final = 10250
GENERATION_SINCE: Final = (1, 34)  # pods' observedGeneration (PodObservedGenerationTracking, beta)


@frozen
class NodeShape:
    """What kind of node to pretend."""

    name: str
    cpu: str = "8"
    memory: str = "32Gi"
    pods: int = 110
    ephemeral_storage: str = "100Gi"
    labels: Mapping[str, str] = Factory(dict)
    taints: tuple[Mapping[str, str], ...] = ()
    extended: Mapping[str, str] = Factory(dict)  # further resources, such as nvidia.com/gpu
    address: str = ""  # "": one of the fleet's own


def tells_generation(version: str) -> bool:
    """Whether kubelets of "v1.37.0" tell observedGeneration of pods. Raises ValueError."""
    major, minor = version.removeprefix("v").split(".")[:2]
    return (int(major), int(minor)) >= GENERATION_SINCE


def default_address(index: int) -> str:
    """The address of the fleet's node with that number, counted from 0."""
    return str(_NODE_NETWORK.network_address + 2 + index)


def node_object(shape: NodeShape, address: str, status: Json) -> Json:
    """The Node to be created."""
    spec: Json = {"taints": [dict(taint) for taint in shape.taints]} if shape.taints else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": shape.name,
            "labels": {**node_labels(shape), **shape.labels},
            "annotations": {
                "alpha.kubernetes.io/provided-node-ip": address,
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
        },
        "spec": spec,
        "status": status,
    }


def alike(count: int, prefix: str) -> list[NodeShape]:
    """So many nodes that are alike."""
    return [NodeShape(f"{prefix}{number}") for number in range(count)]


def node_labels(shape: NodeShape) -> dict[str, str]:
    """The labels that every kubelet gives its node."""
    return {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": shape.name,
        "kubernetes.io/os": "linux",
    }


def node_status(
    shape: NodeShape,
    address: str,
    *,
    kubelet_version: str,
    runtime_version: str,
    machine_id: str,
    now: str,
    before: Mapping[str, Any] | None = None,
    others: Mapping[str, str] | None = None,
) -> Json:
    """The node's status; transition times are kept from the status before.

    `others` are resources that somebody else has advertised (see `advertised`).
    """
    capacity = {
        "cpu": shape.cpu,
        "ephemeral-storage": shape.ephemeral_storage,
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": shape.memory,
        "pods": str(shape.pods),
        **shape.extended,
        **(others or {}),
    }
    old = {one["type"]: one for one in (before or {}).get("conditions") or ()}
    return {
        "capacity": capacity,
        "allocatable": dict(capacity),
        "conditions": [_condition(old, now, *one) for one in _CONDITIONS],
        "addresses": [
            {"type": "InternalIP", "address": address},
            {"type": "Hostname", "address": shape.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": machine_id,
            "containerRuntimeVersion": runtime_version,
            "kernelVersion": "6.12.0-k8slite",
            "kubeProxyVersion": "",
            "kubeletVersion": kubelet_version,
            "machineID": machine_id.replace("-", ""),
            "operatingSystem": "linux",
            "osImage": "k8slite",
            "systemUUID": machine_id,
        },
    }


def advertised(shape: NodeShape, capacity: Mapping[str, str | int]) -> dict[str, str]:
    """The extended resources in a Node's capacity that are not the kubelet's own.

    Whoever wants to advertise one patches the Node's capacity; that it can be allocated is the
    kubelet's to say (upstream: `nodestatus.MachineInfo`).
    """
    return {
        name: str(amount)
        for name, amount in capacity.items()
        if name not in shape.extended and is_extended(name)
    }


def same_but_for_heartbeats(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two statuses differ in nothing but when they were told."""
    for key in ("capacity", "allocatable", "addresses"):
        if one.get(key) != other.get(key):
            return False
    if (one.get("nodeInfo") or {}).get("kubeletVersion") != (other.get("nodeInfo") or {}).get(
        "kubeletVersion"
    ):
        return False
    return _essence(one) == _essence(other)


def _essence(status: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    known = {one[0] for one in _CONDITIONS}
    return sorted(
        (one["type"], one["status"], one.get("reason", ""))
        for one in status.get("conditions") or ()
        if one["type"] in known
    )


def _condition(
    old: Mapping[str, Mapping[str, Any]],
    now: str,
    type_: str,
    status: str,
    reason: str,
    message: str,
) -> Json:
    before = old.get(type_, {})
    moment = before.get("lastTransitionTime", now) if before.get("status") == status else now
    return {
        "type": type_,
        "status": status,
        "lastHeartbeatTime": now,
        "lastTransitionTime": moment,
        "reason": reason,
        "message": message,
    }


_CONDITIONS: Final = (
    (
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)
