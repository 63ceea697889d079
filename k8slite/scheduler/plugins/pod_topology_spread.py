"""Pods of one kind are spread over zones, hosts or other domains (upstream: PodTopologySpread).

A constraint that says DoNotSchedule refuses nodes of domains that would have too many more pods
than the emptiest; one that says ScheduleAnyway makes nodes with fewer neighbours better. A pod
without constraints that belongs to a Service or a controller is spread over hosts and zones anyway.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

from attrs import define, evolve

from k8slite.kinds.core.affinity_models import TopologySpreadConstraint
from k8slite.objects.selectors import Selector, selector_of
from k8slite.objects.structure import structure
from k8slite.scheduler.affinity_terms import with_label_keys
from k8slite.scheduler.plugin import (
    SCORE_MOST,
    SKIP,
    Comparison,
    FilterPlugin,
    PreFilterResult,
    ScorePlugin,
    Setting,
    Status,
)
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo
from k8slite.scheduler.spreading import Constraint, Spread, self_match

HOST: Final = "kubernetes.io/hostname"
_REFUSES: Final = "DoNotSchedule"
_PREFERS: Final = "ScheduleAnyway"


class PodTopologySpread(FilterPlugin, ScorePlugin):
    """Looks at spec.topologySpreadConstraints, or else at what the configuration says."""

    name = "PodTopologySpread"
    weight = 2
    normalized = True
    remembered = True
    reads_labels = False

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._defaults = _defaults(setting.args)
        self._system_defaulted = setting.args.get("defaultingType", "System") == "System"

    def pod_key(self, pod: PodInfo) -> Hashable:
        if pod.pod.spec.topology_spread_constraints:
            return pod.labels  # whether it counts itself, and by which of them it is compared
        if not self._defaults:
            return None
        return self.setting.view.owners.selector(pod.pod)

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        constraints = self._constraints(pod, _REFUSES)
        if not constraints:
            return SKIP
        keys = tuple(one.key for one in constraints)
        narrow = {key: self.snapshot.is_narrow(key) for key in keys}
        spreads = [Spread(pod, one, keys, self.snapshot, narrow[one.key]) for one in constraints]
        matches = [self_match(one, pod.pod) for one in constraints]
        return PreFilterResult(rule=_Evenness(spreads, matches))

    def pre_score(self, pod: PodInfo) -> Comparison | None:
        constraints = self._constraints(pod, _PREFERS)
        if not constraints:
            return None
        own = bool(pod.pod.spec.topology_spread_constraints)
        # A node without zone is still spread over by its host's name.
        keys = tuple(one.key for one in constraints) if own or not self._system_defaulted else ()
        spreads = []
        for one in constraints:
            if one.key == HOST:
                # Pods of a host count whatever the constraint includes.
                one = evolve(one, honors_affinity=False, honors_taints=False)
                spreads.append(Spread(pod, one, (HOST,), self.snapshot, True))
            else:
                spreads.append(Spread(pod, one, keys, self.snapshot, False))
        return _Preference(spreads, keys)

    def _constraints(self, pod: PodInfo, action: str) -> list[Constraint]:
        own = pod.pod.spec.topology_spread_constraints
        labels = pod.pod.metadata.labels
        if own:
            return [_read(one, labels) for one in own if one.when_unsatisfiable == action]
        defaults = [one for one in self._defaults if one.when_unsatisfiable == action]
        if not defaults:
            return []
        selector = self.setting.view.owners.selector(pod.pod)
        if selector.empty:
            return []
        return [evolve(_read(one, labels), selector=selector) for one in defaults]


@define(eq=False)
class _Evenness:
    """The constraints that refuse."""

    spreads: list[Spread]
    self_matches: list[int]

    def position(self, node: NodeInfo) -> Hashable:
        return tuple([spread.position(node) for spread in self.spreads])

    def count(self, pod: PodInfo, node: NodeInfo, sign: int) -> Sequence[str]:
        return [name for spread in self.spreads for name in spread.count(pod, node, sign)]

    def goes_by_nodes(self) -> bool:
        return True

    def refusal(self, position: tuple[Any, ...]) -> Status | None:
        for spread, match, at in zip(self.spreads, self.self_matches, position, strict=True):
            if at is None:
                return _NO_LABEL
            constraint = spread.constraint
            least = spread.least if len(spread.counts) >= constraint.min_domains else 0
            if spread.at(at) + match - least > constraint.max_skew:
                return _UNEVEN
        return None


@define(eq=False)
class _Preference:
    """The constraints that prefer; `keys` are the labels without which a node gets no score."""

    spreads: list[Spread]
    keys: tuple[str, ...]

    def position(self, node: NodeInfo) -> Hashable:
        labels = node.labels
        for key in self.keys:
            if key not in labels:
                return None
        return tuple([spread.position(node) for spread in self.spreads])

    def count(self, pod: PodInfo, node: NodeInfo, sign: int) -> Sequence[str]:
        return [name for spread in self.spreads for name in spread.count(pod, node, sign)]

    def goes_by_nodes(self) -> bool:
        return True

    def compare(self, positions: Sequence[Any], sizes: Sequence[int]) -> list[int]:
        nodes = sum(size for at, size in zip(positions, sizes, strict=True) if at is not None)
        scored = [at for at in positions if at is not None]
        # What differs in a large topology counts for more (upstream: topologyNormalizingWeight).
        weights = []
        for i, spread in enumerate(self.spreads):
            is_host = spread.constraint.key == HOST
            weights.append(math.log((nodes if is_host else len({at[i] for at in scored})) + 2))
        raw = [self._raw(at, weights) if at is not None else -1 for at in positions]
        most, least = max(raw, default=0), min((one for one in raw if one >= 0), default=0)
        return [
            0 if one < 0 else (SCORE_MOST * (most + least - one) // most if most else SCORE_MOST)
            for one in raw
        ]

    def _raw(self, position: tuple[Any, ...], weights: Sequence[float]) -> int:
        total = 0.0
        for spread, at, weight in zip(self.spreads, position, weights, strict=True):
            if at is not None:
                total += spread.at(at) * weight + (spread.constraint.max_skew - 1)
        return math.floor(total + 0.5)


def _read(one: TopologySpreadConstraint, labels: Mapping[str, str]) -> Constraint:
    selector: Selector = selector_of(one.label_selector)
    return Constraint(
        one.topology_key,
        one.max_skew,
        with_label_keys(selector, labels, one.match_label_keys, "in"),
        one.min_domains or 1,
        one.node_affinity_policy == "Honor",
        one.node_taints_policy == "Honor",
    )


def _defaults(args: Mapping[str, Any]) -> list[TopologySpreadConstraint]:
    if args.get("defaultingType", "System") == "System":
        return list(_SYSTEM_DEFAULTS)
    return [
        structure(one, TopologySpreadConstraint) for one in args.get("defaultConstraints") or ()
    ]


# Upstream: `systemDefaultConstraints`.
_SYSTEM_DEFAULTS: Final = (
    TopologySpreadConstraint(3, HOST, _PREFERS),
    TopologySpreadConstraint(5, "topology.kubernetes.io/zone", _PREFERS),
)
_UNEVEN: Final = Status(
    ("node(s) didn't match pod topology spread constraints",), plugin=PodTopologySpread.name
)
_NO_LABEL: Final = Status(
    ("node(s) didn't match pod topology spread constraints (missing required label)",),
    unresolvable=True,
    plugin=PodTopologySpread.name,
)
