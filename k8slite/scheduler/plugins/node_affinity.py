"""A pod chooses nodes by their labels and names (upstream: NodeAffinity).

`nodeSelector` and the required terms both must hold; of the terms one is enough, and a term that
says nothing matches nothing. Preferred terms that hold add their weight to the score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from k8slite.kinds.core.affinity_models import NodeAffinity as Affinity
from k8slite.kinds.core.affinity_models import NodeSelectorTerm
from k8slite.kinds.core.node_matching import NAME_FIELD, term_match
from k8slite.scheduler.plugin import (
    SKIP,
    FilterPlugin,
    PreFilterResult,
    Score,
    ScorePlugin,
    Status,
    normalize,
)
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo

_Match = Callable[[NodeInfo], bool]


class NodeAffinity(FilterPlugin, ScorePlugin):
    """Compares labels and names with spec.nodeSelector and spec.affinity.nodeAffinity."""

    name = "NodeAffinity"
    remembered = True
    weight = 2
    normalized = True

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        spec, affinity = pod.pod.spec, _affinity(pod)
        required = affinity.required if affinity is not None else None
        if not spec.node_selector and required is None:
            return SKIP
        selector = tuple(spec.node_selector.items())
        terms = None
        if required is not None:
            terms = [_term(one) for one in required.node_selector_terms]

        def look(node: NodeInfo) -> Status | None:
            labels = node.labels
            for key, value in selector:
                if labels.get(key) != value:
                    return _REFUSED
            if terms is None or any(matches(node) for matches in terms):
                return None
            return _REFUSED

        names = None
        if required is not None:
            names = _node_names(required.node_selector_terms)
        return PreFilterResult(look, names)

    def pre_score(self, pod: PodInfo) -> Score | None:
        affinity = _affinity(pod)
        if affinity is None or not affinity.preferred:
            return None
        terms = [(_term(one.preference), one.weight) for one in affinity.preferred]

        def add_up(node: NodeInfo) -> int:
            return sum(weight for matches, weight in terms if matches(node))

        return add_up

    def normalize(self, scores: list[int]) -> list[int]:
        return normalize(scores)


def _affinity(pod: PodInfo) -> Affinity | None:
    affinity = pod.pod.spec.affinity
    return affinity.node_affinity if affinity is not None else None


def _term(term: NodeSelectorTerm) -> _Match:
    match = term_match(term)
    return lambda node: match(node.labels, node.name)


def _node_names(terms: Sequence[NodeSelectorTerm]) -> frozenset[str] | None:
    """The nodes that the terms name, if each of them does (a DaemonSet's pods have such)."""
    found: frozenset[str] = frozenset()
    for term in terms:
        named: frozenset[str] | None = None
        for one in term.match_fields:
            if one.key == NAME_FIELD and one.operator == "In":
                values = frozenset(one.values)
                named = values if named is None else named & values
        if named is None:
            return None
        found |= named
    return found if terms else None


_REFUSED = Status(
    ("node(s) didn't match Pod's node affinity/selector",),
    unresolvable=True,
    plugin=NodeAffinity.name,
)
