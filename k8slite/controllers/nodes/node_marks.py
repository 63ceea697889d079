"""What is written of a node that has fallen silent, and of its pods; and a node's older labels.

Upstream: `processNoConditions`, `MarkPodsNotReady`, `reconcileNodeLabels`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from k8slite.client.client import STRATEGIC_MERGE_PATCH, Client
from k8slite.client.recorder import Recorder, Reference
from k8slite.client.resource import NODES, PODS
from k8slite.kinds.core.models import Node, Pod
from k8slite.objects.errors import Conflict, NotFound
from k8slite.objects.heartbeats import POSTED
from k8slite.objects.meta import find_condition, timestamp
from k8slite.world import World

Json = dict[str, Any]

# The older labels that follow the newer ones.
_LABELS: Final = {
    "kubernetes.io/os": "beta.kubernetes.io/os",
    "kubernetes.io/arch": "beta.kubernetes.io/arch",
}


class NodeMarks:
    """Writes them; each method raises what the client raises."""

    def __init__(self, client: Client, recorder: Recorder, world: World) -> None:
        self._client = client
        self._recorder = recorder
        self._world = world

    async def unknown(self, node: Node, document: Json) -> None:
        """Mark all that its kubelet posts as unknown; `document` is the node's, and changed."""
        now = timestamp(self._world.now())
        conditions = document.setdefault("status", {}).setdefault("conditions", [])
        for type_ in POSTED:
            condition = find_condition(conditions, type_)
            if condition is None:
                conditions.append(
                    {
                        "type": type_,
                        "status": "Unknown",
                        "reason": "NodeStatusNeverUpdated",
                        "message": "Kubelet never posted node status.",
                        "lastHeartbeatTime": document["metadata"]["creationTimestamp"],
                        "lastTransitionTime": now,
                    }
                )
            elif condition["status"] != "Unknown":
                conditions[conditions.index(condition)] = {
                    **condition,
                    "status": "Unknown",
                    "reason": "NodeStatusUnknown",
                    "message": "Kubelet stopped posting node status.",
                    "lastTransitionTime": now,
                }
        ready = node.condition("Ready")
        await self._client.update(NODES, document, subresource="status")
        if ready is not None and ready.status == "True":
            message = f"Node {node.metadata.name} status is now: NodeNotReady"
            regarding = Reference("v1", "Node", node.metadata)
            self._recorder.event(regarding, "Normal", "NodeNotReady", message)

    async def label(self, node: Node) -> bool:
        """Bring the older labels in line with the newer ones; whether that took a write."""
        labels = node.metadata.labels
        missing = {
            older: labels[newer]
            for newer, older in _LABELS.items()
            if newer in labels and labels.get(older) != labels[newer]
        }
        if missing:
            await self._client.patch(NODES, node.metadata.name, {"metadata": {"labels": missing}})
        return bool(missing)

    async def pods(self, pods: Iterable[Pod]) -> None:
        """Mark the pods of a silent node as not ready: nobody else will (`MarkPodsNotReady`)."""
        for pod in pods:
            if not pod.ready:
                continue
            condition = {
                "type": "Ready",
                "status": "False",
                "lastTransitionTime": timestamp(self._world.now()),
            }
            patch = {"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": [condition]}}
            try:
                await self._client.patch(
                    PODS,
                    pod.metadata.name,
                    patch,
                    pod.metadata.namespace,
                    subresource="status",
                    patch_type=STRATEGIC_MERGE_PATCH,
                )
            except (NotFound, Conflict):
                continue  # that pod is gone, or is another one
            regarding = Reference("v1", "Pod", pod.metadata)
            self._recorder.event(regarding, "Warning", "NodeNotReady", "Node is not ready")


def all_unknown(node: Node) -> bool:
    """Whether everything that a kubelet posts is marked as unknown."""
    for type_ in POSTED:
        condition = node.condition(type_)
        if condition is None or condition.status != "Unknown":
            return False
    return True
