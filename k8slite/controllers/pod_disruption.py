"""A pod that has to go for what it is not to blame for: its status says so before it is deleted.

Upstream: `addConditionAndDeletePod` of `pkg/controller/tainteviction` and others. What replaces the
pod, and Jobs' failure policies, read the condition DisruptionTarget.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from k8slite.client.client import STRATEGIC_MERGE_PATCH, Client
from k8slite.client.resource import PODS
from k8slite.kinds.models import Metadata
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import find_condition, timestamp


async def disrupt(
    client: Client,
    pod: Metadata,
    reason: str,
    message: str,
    now: datetime,
    tell: Callable[[], None] = lambda: None,
) -> bool:
    """Delete a pod, if it is still that one; False where it has gone by itself.

    `tell` is called when it is certain that there is something to do. Raises what the client raises
    but NotFound.
    """
    name, namespace = pod.name, pod.namespace
    try:
        live = await client.get(PODS, name, namespace)
        if live["metadata"]["uid"] != pod.uid:
            return False
        tell()
        conditions = (live.get("status") or {}).get("conditions") or []
        wanted = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": reason,
            "message": message,
        }
        there = find_condition(conditions, "DisruptionTarget")
        if there is None or any(there.get(key) != value for key, value in wanted.items()):
            wanted["lastTransitionTime"] = timestamp(now)
            await client.patch(
                PODS,
                name,
                {"metadata": {"uid": pod.uid}, "status": {"conditions": [wanted]}},
                namespace,
                subresource="status",
                patch_type=STRATEGIC_MERGE_PATCH,
            )
        await client.delete(PODS, name, namespace, {"preconditions": {"uid": pod.uid}})
    except NotFound:
        return False
    return True
