"""Which FlowSchema a request matches, and to which priority level that leads.

What is matched is told in the headers of answers, by which people find out why a request waits
(here none does). Upstream: `apiserver/pkg/util/flowcontrol/rule.go` and the filter
`priority-and-fairness.go`; schemas whose level does not exist are passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import define, field

from k8slite.apiserver.followed import Followed
from k8slite.apiserver.request_info import RequestInfo
from k8slite.messages import User
from k8slite.store.store import Store

Json = dict[str, Any]
Headers = tuple[tuple[str, str], ...]

SCHEMAS: Final = "flowcontrol.apiserver.k8s.io.flowschemas/"
LEVELS: Final = "flowcontrol.apiserver.k8s.io.prioritylevelconfigurations/"
_SCHEMA_HEADER: Final = "X-Kubernetes-Pf-Flowschema-Uid"
_LEVEL_HEADER: Final = "X-Kubernetes-Pf-Prioritylevel-Uid"
# How many sorts of requests are remembered; more than clients usually make.
_REMEMBERED_MOST: Final = 4096


@define(eq=False)
class FlowControl:
    """Classifies requests by the FlowSchemas in the store."""

    store: Store
    _schemas: Followed = field(init=False)
    _levels: Followed = field(init=False)
    _seen: tuple[int, int] = (-1, -1)
    _ordered: list[tuple[Sequence[Json], Headers]] = field(factory=list)
    _known: dict[tuple[object, ...], Headers] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self._schemas = Followed(self.store, SCHEMAS)
        self._levels = Followed(self.store, LEVELS)

    def headers(self, user: User, info: RequestInfo) -> Headers:
        """The headers that name what a request matches; none where nothing does."""
        self._catch_up()
        where = info.resource if info.is_resource else info.path
        key = (
            user.name,
            user.groups,
            info.verb,
            info.group,
            where,
            info.subresource,
            info.namespace,
        )
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _REMEMBERED_MOST:
                self._known.clear()
            found = self._known[key] = self._matched(user, info)
        return found

    def _matched(self, user: User, info: RequestInfo) -> Headers:
        for rules, headers in self._ordered:
            if any(_matches(rule, user, info) for rule in rules):
                return headers
        return ()

    def _catch_up(self) -> None:
        schemas, levels = self._schemas.objects(), self._levels.objects()
        if self._seen == (self._schemas.changes, self._levels.changes):
            return
        self._seen = (self._schemas.changes, self._levels.changes)
        self._known.clear()
        ordered = sorted(
            schemas.values(),
            key=lambda one: (one["spec"]["matchingPrecedence"], one["metadata"]["name"]),
        )
        self._ordered = []
        for one in ordered:
            level = levels.get(LEVELS + one["spec"]["priorityLevelConfiguration"]["name"])
            if level is not None:
                headers = (
                    (_SCHEMA_HEADER, one["metadata"]["uid"]),
                    (_LEVEL_HEADER, level["metadata"]["uid"]),
                )
                self._ordered.append((one["spec"].get("rules") or (), headers))


def _matches(rule: Json, user: User, info: RequestInfo) -> bool:
    if not any(_is_meant(subject, user) for subject in rule["subjects"]):
        return False
    if info.is_resource:
        return any(_resource_matches(one, info) for one in rule.get("resourceRules") or ())
    return any(
        _has(one["verbs"], info.verb) and _path_matches(one["nonResourceURLs"], info.path)
        for one in rule.get("nonResourceRules") or ()
    )


def _is_meant(subject: Json, user: User) -> bool:
    kind = subject["kind"]
    if kind == "User":
        return subject["user"]["name"] in ("*", user.name)
    if kind == "Group":
        name = subject["group"]["name"]
        return name == "*" or name in user.groups
    account = subject["serviceAccount"]
    prefix = f"system:serviceaccount:{account['namespace']}:"
    if account["name"] == "*":
        return user.name.startswith(prefix)
    return bool(user.name == prefix + account["name"])


def _resource_matches(rule: Json, info: RequestInfo) -> bool:
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    if not (
        _has(rule["verbs"], info.verb)
        and _has(rule["resources"], resource)
        and _has(rule["apiGroups"], info.group)
    ):
        return False
    if not info.namespace:
        return bool(rule.get("clusterScope"))
    return _has(rule.get("namespaces") or (), info.namespace)


def _has(listed: Sequence[str], value: str) -> bool:
    """A star is the only one, where there is one: validation sees to it."""
    return value in listed or "*" in listed


def _path_matches(urls: Sequence[str], path: str) -> bool:
    return any(
        url in ("*", path) or path.startswith(url.removesuffix("*").removesuffix("/") + "/")
        for url in urls
    )
