"""A pod chooses nodes by their labels and names (upstream: NodeAffinity).

`nodeSelector` and the required terms both must hold; of the terms one is enough, and a term that
says nothing matches nothing. Preferred terms that hold add their weight to the score.
"""

from __future__ import annotations

from collections.abc import Sequence

from k8slite.kinds.core.affinity_models import NodeAffinity as Affinity
from k8slite.kinds.core.affinity_models import NodeSelectorTerm
from k8slite.kinds.core.node_matching import NAME_FIELD, required_match, term_match
from k8slite.objects.structure import structure
from k8slite.scheduler.plugin import (
    SKIP,
    FilterPlugin,
    PreFilterResult,
    Score,
    ScorePlugin,
    Setting,
    Status,
    normalize,
)
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo


class NodeAffinity(FilterPlugin, ScorePlugin):
    """Compares labels and names with spec.nodeSelector and spec.affinity.nodeAffinity."""

    name = "NodeAffinity"
    remembered = True
    reads_labels = False
    weight = 2
    normalized = True

    def __init__(self, setting: Setting) -> None:
        """Raises what reading `addedAffinity` raises."""
        super().__init__(setting)
        added = setting.args.get("addedAffinity")
        self._added = structure(dict(added), Affinity) if added else Affinity()

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        spec, affinity = pod.pod.spec, _affinity(pod)
        required = affinity.required if affinity is not None else None
        added = self._added.required
        if not spec.node_selector and required is None and added is None:
            return SKIP
        wanted = required_match(spec)
        enforced = [term_match(one) for one in added.node_selector_terms] if added else None

        def look(node: NodeInfo) -> Status | None:
            labels, name = node.labels, node.name
            if enforced is not None and not any(matches(labels, name) for matches in enforced):
                return _REFUSED_BY_SCHEDULER
            return None if wanted(labels, name) else _REFUSED

        names = None
        if required is not None:
            names = _node_names(required.node_selector_terms)
        return PreFilterResult(look, names)

    def pre_score(self, pod: PodInfo) -> Score | None:
        affinity = _affinity(pod)
        preferred = (*self._added.preferred, *(affinity.preferred if affinity is not None else ()))
        if not preferred:
            return None
        terms = [(term_match(one.preference), one.weight) for one in preferred]

        def add_up(node: NodeInfo) -> int:
            return sum(weight for matches, weight in terms if matches(node.labels, node.name))

        return add_up

    def normalize(self, scores: list[int]) -> list[int]:
        return normalize(scores)


def _affinity(pod: PodInfo) -> Affinity | None:
    affinity = pod.pod.spec.affinity
    return affinity.node_affinity if affinity is not None else None


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
_REFUSED_BY_SCHEDULER = Status(
    ("node(s) didn't match scheduler-enforced node affinity",),
    unresolvable=True,
    plugin=NodeAffinity.name,
)
