"""What checks read in objects: owners, conditions, phases, requests. Facts of one object only."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from k8slite.objects.quantity import milli

Json = dict[str, Any]

PODS: Final = "pods/"
NODES: Final = "nodes/"
NAMESPACES: Final = "namespaces/"
SERVICES: Final = "services/"
DEPLOYMENTS: Final = "apps.deployments/"
REPLICA_SETS: Final = "apps.replicasets/"
REPLICATION_CONTROLLERS: Final = "replicationcontrollers/"
STATEFUL_SETS: Final = "apps.statefulsets/"
DAEMON_SETS: Final = "apps.daemonsets/"
JOBS: Final = "batch.jobs/"
EVENTS: Final = "events/"
LEASES: Final = "coordination.k8s.io.leases/"
ENDPOINT_SLICES: Final = "discovery.k8s.io.endpointslices/"

# The finalizers that the garbage collector answers for.
COLLECTED: Final = ("foregroundDeletion", "orphan")

quantity = lru_cache(maxsize=1024)(milli)  # of "500m": 500


def prefix_of(plural: str, group: str) -> str:
    """What the keys of a resource begin with in the store: "apps.deployments/", "pods/"."""
    return f"{group}.{plural}/" if group else f"{plural}/"


def named(obj: Json) -> str:
    """ "shop/web-1", "node-0"."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def uid(obj: Json) -> str:
    return str(obj["metadata"].get("uid", ""))


def terminating(obj: Json) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def owners(obj: Json) -> list[Json]:
    """Its ownerReferences."""
    found: list[Json] = obj["metadata"].get("ownerReferences") or []
    return found


def controller_of(obj: Json | None) -> Json | None:
    """The reference to its controller."""
    if obj is None:
        return None
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            found: Json = owner
            return found
    return None


def terminal(pod: Json) -> bool:
    """Its containers have ended and none will start again."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def active(pod: Json) -> bool:
    """Neither ended nor being deleted (upstream: `controller.IsPodActive`)."""
    return not terminal(pod) and not terminating(pod)


def condition(obj: Json, kind: str) -> str:
    """The status of a condition, "" where there is none."""
    for one in (obj.get("status") or {}).get("conditions") or ():
        if one.get("type") == kind:
            return str(one.get("status", ""))
    return ""


def ready(pod: Json) -> bool:
    return condition(pod, "Ready") == "True"


def node_of(pod: Json) -> str:
    """The node that it is bound to."""
    return str(pod["spec"].get("nodeName") or "")


def target_of(pod: Json) -> str:
    """The node that a daemon pod is for, bound to it or not."""
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field.get("key") == "metadata.name" and field.get("values"):
                return str(field["values"][0])
    return node_of(pod)


def requests(pod: Json) -> dict[str, int]:
    """What it takes of a node, in thousandths: the containers' sum, or an init container's if that
    is more (upstream: `resource.PodRequests`; sidecars count like containers)."""
    spec = pod["spec"]
    needed: dict[str, int] = {"pods": 1000}
    for container in spec.get("containers") or ():
        _add(needed, container)
    most: dict[str, int] = {}
    sidecars: dict[str, int] = {}
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            _add(needed, container)
            _add(sidecars, container)
            continue
        together = dict(sidecars)
        _add(together, container)
        for name, value in together.items():
            most[name] = max(most.get(name, 0), value)
    for name, value in most.items():
        needed[name] = max(needed.get(name, 0), value)
    for name, value in (spec.get("overhead") or {}).items():
        needed[name] = needed.get(name, 0) + quantity(value)
    return needed


def allocatable(node: Json) -> dict[str, int]:
    """What a node has to give, in thousandths."""
    found: Mapping[str, str] = (node.get("status") or {}).get("allocatable") or {}
    return {name: quantity(value) for name, value in found.items()}


def host_ports(pod: Json) -> list[tuple[str, int, str]]:
    """(protocol, port, address) of each port of the host that it wants."""
    return [
        (port.get("protocol", "TCP"), port["hostPort"], port.get("hostIP") or "0.0.0.0")
        for container in pod["spec"].get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("hostPort")
    ]


def _add(needed: dict[str, int], container: Json) -> None:
    for name, value in ((container.get("resources") or {}).get("requests") or {}).items():
        needed[name] = needed.get(name, 0) + quantity(value)
