"""The pod of the highest priority is next, then who has waited longest (upstream: PrioritySort)."""

from __future__ import annotations

from typing import Any

from k8slite.scheduler.plugin import QueueSortPlugin
from k8slite.scheduler.pod_info import PodInfo


class PrioritySort(QueueSortPlugin):
    """Compares spec.priority."""

    name = "PrioritySort"

    def sort_key(self, pod: PodInfo, since: float) -> Any:
        return -pod.priority, since
