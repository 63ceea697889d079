"""Claims to devices (upstream: DynamicResources)."""

from __future__ import annotations

from k8slite.scheduler.plugin import PostFilterPlugin, PostFilterResult, Search
from k8slite.scheduler.pod_info import PodInfo


class DynamicResources(PostFilterPlugin):
    """Has its say about every pod that fits nowhere, before preemption has."""

    name = "DynamicResources"

    def post_filter(self, pod: PodInfo, search: Search) -> PostFilterResult:
        return PostFilterResult("no new claims to deallocate")
