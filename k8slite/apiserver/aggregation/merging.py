"""Groups of several servers in one order.

Upstream: `kube-aggregator/pkg/apis/apiregistration/v1/helper` (SortedByGroupAndVersion) and
`apiserver/pkg/endpoints/discovery/aggregated`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from k8slite.kinds.table import Kinds, group_priority, version_order, version_priority

Json = dict[str, Any]


@frozen(eq=False)
class RemoteVersion:
    """A group and version that another server serves."""

    group: str
    version: str
    group_priority: int
    version_priority: int
    description: Json | None  # as in aggregated discovery; None where it does not answer

    def aggregated(self) -> Json:
        """What aggregated discovery says of it."""
        if self.description is None:
            return {"version": self.version, "freshness": "Stale"}
        return {**self.description, "freshness": "Current"}


def merged_groups(kinds: Kinds, remote: Sequence[RemoteVersion]) -> Mapping[str, Sequence[str]]:
    """Group to versions, ours and others', as `Kinds.groups` has them."""
    if not remote:
        return kinds.groups()
    priorities = {group: group_priority(group) for group in kinds.groups()}
    versions = {
        group: {one: version_priority(group, one) for one in ours}
        for group, ours in kinds.groups().items()
    }
    for one in sorted(remote, key=lambda one: (one.group, one.version)):
        known = priorities.get(one.group, 0)
        priorities[one.group] = max(known, one.group_priority)
        versions.setdefault(one.group, {})[one.version] = one.version_priority
    ordered = sorted(priorities, key=lambda group: (bool(group), -priorities[group], group))
    return {
        group: sorted(versions[group], key=lambda one: (-versions[group][one], version_order(one)))
        for group in ordered
    }
