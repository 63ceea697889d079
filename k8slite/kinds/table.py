"""All kinds of one Kubernetes version, looked up by group, version and resource.

    kinds = Kinds.of(36)
    kinds.find("apps", "v1", "deployments")

A version's table is made of one tuple a group folder, once, and is a value: custom resources make
a new one with `extended`. Order mirrors upstream: groups by the priority of their APIService
(`controlplane/apiserver/aggregator.go`), then by name; versions by priority, then as
`apimachinery/pkg/version` compares them; resources by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final

from k8slite.kinds import (
    admissionregistration,
    apiextensions,
    apiregistration,
    apps,
    authentication,
    authorization,
    autoscaling,
    batch,
    certificates,
    coordination,
    core,
    discovery,
    events,
    flowcontrol,
    networking,
    node,
    policy,
    rbac,
    resource,
    scheduling,
    storage,
    storagemigration,
)
from k8slite.kinds.kind import Kind

OLDEST_MINOR: Final = 30
NEWEST_MINOR: Final = 37

# What a custom resource's APIService says (upstream: `crdRegistrationController`).
_CUSTOM_GROUP_PRIORITY: Final = 1000
_CUSTOM_VERSION_PRIORITY: Final = 100


class Kinds:
    """The kinds that are served, in upstream's order."""

    def __init__(self, built_in: Sequence[Kind], custom: Sequence[Kind] = ()) -> None:
        self._built_in = built_in
        every = sorted(chain(built_in, custom), key=lambda kind: kind.plural)
        self._found = {(kind.group, kind.version, kind.plural): kind for kind in every}
        self._by_kind = {(kind.group, kind.version, kind.kind): kind for kind in every}
        self._served: dict[tuple[str, str], list[Kind]] = {}
        for kind in every:
            self._served.setdefault((kind.group, kind.version), []).append(kind)
        self._groups = _ordered(self._served)
        self._all = tuple(
            kind
            for group, versions in self._groups.items()
            for version in versions
            for kind in self._served[group, version]
        )

    @staticmethod
    @lru_cache(maxsize=NEWEST_MINOR - OLDEST_MINOR + 1)
    def of(minor: int) -> Kinds:
        """The kinds that Kubernetes 1.`minor` serves by default.

        Raises ValueError for a version that is not known.
        """
        if not OLDEST_MINOR <= minor <= NEWEST_MINOR:
            raise ValueError(
                f"Kubernetes 1.{minor} is not known, only 1.{OLDEST_MINOR} to 1.{NEWEST_MINOR}"
            )
        return Kinds(tuple(kind for kind in EVERY if kind.since <= minor <= kind.until))

    def extended(self, custom: Iterable[Kind]) -> Kinds:
        """The built-in kinds and these custom ones, instead of those that were there."""
        return Kinds(self._built_in, tuple(custom))

    def joined(self, others: Iterable[Kind]) -> Kinds:
        """These, and kinds that a server has besides, whatever custom ones come and go."""
        return Kinds((*self._built_in, *others))

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind behind a path."""
        return self._found.get((group, version, plural))

    def by_kind(self, group: str, version: str, kind: str) -> Kind | None:
        """The kind that an object's `apiVersion` and `kind` name."""
        return self._by_kind.get((group, version, kind))

    def all(self) -> Sequence[Kind]:
        """Every kind in every version."""
        return self._all

    def groups(self) -> Mapping[str, Sequence[str]]:
        """Group to versions, the preferred one first; the core group is "" and comes first."""
        return self._groups

    def served(self, group: str, version: str) -> Sequence[Kind]:
        """The kinds of one group and version, by name of resource; empty where there are none."""
        return self._served.get((group, version), ())


def is_built_in(kind: Kind) -> bool:
    """Whether upstream defines the kind, rather than a user."""
    return (kind.group, kind.version, kind.plural) in _BUILT_IN


def group_priority(group: str) -> int:
    """Where a group stands among others (upstream: `groupPriorityMinimum`), higher is earlier."""
    return _GROUP_PRIORITIES.get(group, _CUSTOM_GROUP_PRIORITY)


def version_priority(group: str, version: str) -> int:
    """Where a version stands within its group (upstream: `versionPriority`)."""
    if group not in _GROUP_PRIORITIES:
        return _CUSTOM_VERSION_PRIORITY
    return _VERSION_PRIORITIES.get((group, version), _VERSION_PRIORITY)


def version_order(version: str) -> tuple[int, int, int, str]:
    """Sorts versions, most stable and newest first: v2, v1, v1beta1, v1alpha2, foo.

    Mirrors `apimachinery/pkg/version.CompareKubeAwareVersionStrings`.
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        return (3, 0, 0, version)
    major, stage, minor = found.groups()
    return (_STAGES[stage or ""], -int(major), -int(minor or 0), version)


def _ordered(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Groups with their versions, from pairs of both."""
    versions: dict[str, list[str]] = {}
    for group, version in pairs:
        versions.setdefault(group, []).append(version)
    return {
        group: tuple(
            sorted(
                versions[group],
                key=lambda version: (-version_priority(group, version), version_order(version)),
            )
        )
        for group in sorted(
            versions, key=lambda group: (group != "", -group_priority(group), group)
        )
    }


_VERSION: Final = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?")
_STAGES: Final = {"": 0, "beta": 1, "alpha": 2}

_VERSION_PRIORITY: Final = 15
_VERSION_PRIORITIES: Final = {
    ("", "v1"): 1,
    ("autoscaling", "v2"): 30,
    ("flowcontrol.apiserver.k8s.io", "v1"): 21,
    ("flowcontrol.apiserver.k8s.io", "v1beta3"): 18,
    ("resource.k8s.io", "v1"): 21,
}

_GROUP_PRIORITIES: Final = {
    # The core group stands apart, under /api.
    "": 18000,
    "apiregistration.k8s.io": 20000,
    "apps": 17800,
    "events.k8s.io": 17750,
    "authentication.k8s.io": 17700,
    "authorization.k8s.io": 17600,
    "autoscaling": 17500,
    "batch": 17400,
    "certificates.k8s.io": 17300,
    "networking.k8s.io": 17200,
    "policy": 17100,
    "rbac.authorization.k8s.io": 17000,
    "storage.k8s.io": 16800,
    "admissionregistration.k8s.io": 16700,
    "apiextensions.k8s.io": 16700,
    "scheduling.k8s.io": 16600,
    "coordination.k8s.io": 16500,
    "node.k8s.io": 16300,
    "discovery.k8s.io": 16200,
    "resource.k8s.io": 16200,
    "flowcontrol.apiserver.k8s.io": 16100,
    "storagemigration.k8s.io": 15900,
}

EVERY: Final[tuple[Kind, ...]] = (
    *core.KINDS,
    *admissionregistration.KINDS,
    *apiextensions.KINDS,
    *apiregistration.KINDS,
    *apps.KINDS,
    *authentication.KINDS,
    *authorization.KINDS,
    *autoscaling.KINDS,
    *batch.KINDS,
    *certificates.KINDS,
    *coordination.KINDS,
    *discovery.KINDS,
    *events.KINDS,
    *flowcontrol.KINDS,
    *networking.KINDS,
    *node.KINDS,
    *policy.KINDS,
    *rbac.KINDS,
    *resource.KINDS,
    *scheduling.KINDS,
    *storage.KINDS,
    *storagemigration.KINDS,
)

_BUILT_IN: Final = frozenset((kind.group, kind.version, kind.plural) for kind in EVERY)
