"""The APIService of a group and version that this server itself serves.

Upstream: `kube-aggregator/pkg/controllers/autoregister` and the availability controller.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from k8slite.kinds.table import group_priority, version_priority

Json = dict[str, Any]

AUTOMANAGED: Final = "kube-aggregator.kubernetes.io/automanaged"


def local_service(group: str, version: str, managed: Literal["onstart", "true"], now: str) -> Json:
    """Registered at start, or as long as there is a definition; available since `now`."""
    available = {
        "type": "Available",
        "status": "True",
        "lastTransitionTime": now,
        "reason": "Local",
        "message": "Local APIServices are always available",
    }
    spec: Json = {
        "groupPriorityMinimum": group_priority(group),
        "version": version,
        "versionPriority": version_priority(group, version),
    }
    if group:
        spec["group"] = group
    return {
        "metadata": {"name": f"{version}.{group}", "labels": {AUTOMANAGED: managed}},
        "spec": spec,
        "status": {"conditions": [available]},
    }
