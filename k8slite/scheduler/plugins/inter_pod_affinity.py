"""Pods want to be near some pods and away from others (upstream: InterPodAffinity).

Required terms refuse, preferred ones score; what the pods that are there say about the new one
counts as much as what it says about them. The first pod of a group that wants to be near its own
kind goes anywhere.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Final

from attrs import define

from k8slite.scheduler.affinity_terms import NO_TERMS
from k8slite.scheduler.neighbours import Additions, Sums, keys_of, matching
from k8slite.scheduler.plugin import (
    SCORE_MOST,
    Comparison,
    FilterPlugin,
    PreFilterResult,
    ScorePlugin,
    Setting,
    Status,
)
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo, Snapshot

# What a required term of a pod that is there is worth to one that it means (upstream's default).
HARD_WEIGHT: Final = 1


class InterPodAffinity(FilterPlugin, ScorePlugin):
    """Looks at spec.affinity.podAffinity and podAntiAffinity, of both sides."""

    name = "InterPodAffinity"
    weight = 2
    normalized = True
    remembered = True
    reads_labels = False

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._hard_weight: int = setting.args.get("hardPodAffinityWeight", HARD_WEIGHT)
        self._ignores_others: bool = setting.args.get("ignorePreferredTermsOfExistingPods", False)

    def pod_key(self, pod: PodInfo) -> Hashable:
        # Its labels are of interest to its own terms and to those of others.
        return pod.labels if pod.has_terms or self.snapshot.has_terms else None

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        return PreFilterResult(rule=_Required.of(pod, self.snapshot))

    def pre_score(self, pod: PodInfo) -> Comparison | None:
        terms = pod.terms
        if self._ignores_others and not terms.preferred and not terms.preferred_anti:
            return None
        found = _Preferred(
            pod,
            self.snapshot,
            Sums(self.snapshot),
            self._hard_weight,
            self._ignores_others,
        )
        _count_all(found, self.snapshot, bool(terms.preferred or terms.preferred_anti))
        found.sums.fix()
        return found


@define(eq=False)
class _Required:
    """The required terms of both sides."""

    pod: PodInfo
    snapshot: Snapshot
    near: Sums  # pods that all affinity terms mean
    away: Sums  # pods that anti-affinity terms mean
    unwelcome: Sums  # pods whose anti-affinity terms mean this one
    near_keys: list[str]
    starts_group: bool  # whether it is of the kind that it wants to be near

    @classmethod
    def of(cls, pod: PodInfo, snapshot: Snapshot) -> _Required:
        terms = pod.terms
        found = cls(
            pod,
            snapshot,
            Sums(snapshot),
            Sums(snapshot),
            Sums(snapshot),
            keys_of(terms.required),
            all(term.matches(pod.pod, snapshot.namespaces) for term in terms.required),
        )
        _count_all(found, snapshot, bool(terms.required or terms.required_anti))
        for term in terms.required:
            found.near.by_key.setdefault(term.key, {})
        for term in terms.required_anti:
            found.away.by_key.setdefault(term.key, {})
        for sums in (found.near, found.away, found.unwelcome):
            sums.fix()
        return found

    def position(self, node: NodeInfo) -> Hashable:
        if not (self.near_keys or self.away.by_key or self.unwelcome.by_key):
            return _ANYWHERE
        return (
            tuple([self.near.at(key, node) for key in self.near_keys]),
            tuple([self.away.at(key, node) for key in self.away.by_key]),
            tuple([self.unwelcome.at(key, node) for key in self.unwelcome.by_key]),
        )

    def count(self, pod: PodInfo, node: NodeInfo, sign: int) -> Sequence[str]:
        own, namespaces = self.pod.terms, self.snapshot.namespaces
        if own is NO_TERMS and not pod.has_terms:
            return ()
        near: Additions = []
        if own.required and all(term.matches(pod.pod, namespaces) for term in own.required):
            near = [(term.key, sign) for term in own.required]
        away = matching(own.required_anti, pod, namespaces, sign, 1)
        unwelcome = matching(pod.terms.required_anti, self.pod, namespaces, sign, 1)
        self.unwelcome.check(unwelcome, node)
        moved: list[str] = []
        self.near.add(near, node, moved)
        self.away.add(away, node, moved)
        self.unwelcome.add(unwelcome, node, moved)
        return moved

    def goes_by_nodes(self) -> bool:
        return any(one.by_key for one in (self.near, self.away, self.unwelcome))

    def refusal(self, position: tuple[Any, ...]) -> Status | None:
        near, away, unwelcome = position
        if self.near_keys:
            if None in near:
                return _NOT_NEAR
            alone = not self.near.entries and self.starts_group
            for key, at in zip(self.near_keys, near, strict=True):
                if not alone and self.near.sum(key, at) <= 0:
                    return _NOT_NEAR
        for key, at in zip(self.away.by_key, away, strict=True):
            if self.away.sum(key, at) > 0:
                return _NOT_AWAY
        for key, at in zip(self.unwelcome.by_key, unwelcome, strict=True):
            if self.unwelcome.sum(key, at) > 0:
                return _UNWELCOME
        return None


@define(eq=False)
class _Preferred:
    """The preferred terms of both sides, and the required affinity of those that are there."""

    pod: PodInfo
    snapshot: Snapshot
    sums: Sums
    hard_weight: int
    ignores_others: bool

    def position(self, node: NodeInfo) -> Hashable:
        sums = self.sums
        narrow, wide = 0, []
        for key in sums.by_key:
            if sums.narrow[key]:
                narrow += sums.sum(key, sums.at(key, node))
            else:
                wide.append(sums.at(key, node))
        return (narrow, *wide)

    def count(self, pod: PodInfo, node: NodeInfo, sign: int) -> Sequence[str]:
        if self.pod.terms is NO_TERMS and not pod.has_terms:
            return ()
        additions = self._additions(pod, sign)
        self.sums.check(additions, node)
        moved: list[str] = []
        self.sums.add(additions, node, moved)
        return moved

    def goes_by_nodes(self) -> bool:
        return bool(self.sums.by_key)

    def compare(self, positions: Sequence[Any], sizes: Sequence[int]) -> list[int]:
        keys = [key for key in self.sums.by_key if not self.sums.narrow[key]]
        raw = [
            at[0] + sum(self.sums.sum(key, one) for key, one in zip(keys, at[1:], strict=True))
            for at in positions
        ]
        most, least = max([0, *raw]), min([0, *raw])
        if most == least:
            return [0] * len(raw)
        return [int(SCORE_MOST * ((one - least) / (most - least))) for one in raw]

    def _additions(self, pod: PodInfo, sign: int) -> Additions:
        own, theirs, namespaces = self.pod.terms, pod.terms, self.snapshot.namespaces
        found = matching(own.preferred, pod, namespaces, sign)
        found += matching(own.preferred_anti, pod, namespaces, -sign)
        if pod.has_terms:
            if self.hard_weight:
                found += matching(theirs.required, self.pod, namespaces, sign, self.hard_weight)
            if not self.ignores_others:
                found += matching(theirs.preferred, self.pod, namespaces, sign)
                found += matching(theirs.preferred_anti, self.pod, namespaces, -sign)
        return found


def _count_all(rule: _Required | _Preferred, snapshot: Snapshot, everybody: bool) -> None:
    """Count the pods that are there; to a pod without terms only those with terms matter."""
    if everybody:
        for node in snapshot.nodes:
            for pod in node.pods.values():
                rule.count(pod, node, 1)
        return
    for pod in snapshot.with_terms.values():
        place = snapshot.get(snapshot.place(pod.uid))
        if place is not None:
            rule.count(pod, place, 1)


_ANYWHERE: Final = ((), (), ())
_NOT_NEAR: Final = Status(
    ("node(s) didn't match pod affinity rules",), unresolvable=True, plugin=InterPodAffinity.name
)
_NOT_AWAY: Final = Status(
    ("node(s) didn't match pod anti-affinity rules",), plugin=InterPodAffinity.name
)
_UNWELCOME: Final = Status(
    ("node(s) didn't satisfy existing pods anti-affinity rules",), plugin=InterPodAffinity.name
)
