"""Groups of several servers in one order, and what other servers have in the forms of discovery.

Upstream: `kube-aggregator/pkg/apis/apiregistration/v1/helper` (SortedByGroupAndVersion) and
`apiserver/pkg/endpoints` (ConvertGroupVersionIntoToDiscovery).
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
    resources: Sequence[Json] | None  # as in an APIResourceList; None where it does not answer


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
    # The sort is stable: groups of one priority stay in our order, then come the others.
    ordered = sorted(priorities, key=lambda group: (bool(group), -priorities[group]))
    return {
        group: sorted(versions[group], key=lambda one: (-versions[group][one], version_order(one)))
        for group in ordered
    }


def aggregated_version(remote: RemoteVersion) -> Json:
    """What aggregated discovery says of a version that another server serves."""
    if remote.resources is None:
        return {"version": remote.version, "resources": [], "freshness": "Stale"}
    found: dict[str, Json] = {}
    for one in remote.resources:
        if "/" not in one["name"]:
            found[one["name"]] = _resource(one)
    for one in remote.resources:
        name, slash, part = one["name"].partition("/")
        if slash and name in found:
            below = {
                "subresource": part,
                "responseKind": _response_kind(one),
                "verbs": one["verbs"],
            }
            found[name].setdefault("subresources", []).append(below)
    return {
        "version": remote.version,
        "resources": list(found.values()),
        "freshness": "Current",
    }


def _resource(one: Json) -> Json:
    found = {
        "resource": one["name"],
        "responseKind": _response_kind(one),
        "scope": "Namespaced" if one.get("namespaced") else "Cluster",
        "singularResource": one.get("singularName", ""),
        "verbs": one["verbs"],
    }
    return found | {key: one[key] for key in ("shortNames", "categories") if one.get(key)}


def _response_kind(one: Json) -> Json:
    return {
        "group": one.get("group", ""),
        "version": one.get("version", ""),
        "kind": one["kind"],
    }
