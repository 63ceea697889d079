"""Whether a node is one that a pod asks for, and whether the pod bears its taints. Pure.

Mirrors `component-helpers/scheduling/corev1`: the scheduler and the controllers that choose nodes
must judge alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from k8slite.kinds.core.affinity_models import NodeSelectorTerm
from k8slite.kinds.core.models import PodSpec, Taint, Toleration
from k8slite.objects.selectors import Requirement

TermMatch = Callable[[Mapping[str, str], str], bool]  # of a node's labels and its name

NAME_FIELD: Final = "metadata.name"  # the only field of a node that terms may speak of


def term_match(term: NodeSelectorTerm) -> TermMatch:
    """What a term says of a node; one that says nothing matches nothing."""
    labels = [_requirement(one.key, one.operator, one.values) for one in term.match_expressions]
    fields = [_requirement(one.key, one.operator, one.values) for one in term.match_fields]
    if not labels and not fields:
        return lambda node_labels, name: False

    def matches(node_labels: Mapping[str, str], name: str) -> bool:
        return all(one.matches(node_labels) for one in labels) and all(
            one.matches({NAME_FIELD: name}) for one in fields
        )

    return matches


def required_match(spec: PodSpec) -> TermMatch:
    """What `nodeSelector` and the required node affinity together say of a node (upstream:
    `nodeaffinity.GetRequiredNodeAffinity`)."""
    selector = spec.node_selector.items()
    affinity = spec.affinity.node_affinity if spec.affinity is not None else None
    required = affinity.required if affinity is not None else None
    terms = None
    if required is not None:
        terms = [term_match(one) for one in required.node_selector_terms]

    def matches(labels: Mapping[str, str], name: str) -> bool:
        if any(labels.get(key) != value for key, value in selector):
            return False
        return terms is None or any(one(labels, name) for one in terms)

    return matches


class Marked(Protocol):
    """A taint, of a node or a device."""

    @property
    def key(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def effect(self) -> str: ...


class Bearing(Marked, Protocol):
    """A toleration of such taints."""

    @property
    def operator(self) -> str: ...


def tolerates(toleration: Bearing, taint: Marked) -> bool:
    """Whether a toleration matches a taint (upstream: `Toleration.ToleratesTaint`).

    An empty effect or key of a toleration stands for all of them.
    """
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in ("", "Equal") and toleration.value == taint.value


def tolerated(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    """Whether one toleration is enough for a taint."""
    return any(tolerates(one, taint) for one in tolerations)


def _requirement(key: str, operator: str, values: tuple[str, ...]) -> Requirement:
    return Requirement(key, _OPERATORS[operator], values)


_OPERATORS: Final = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "!",
    "Gt": "gt",
    "Lt": "lt",
}
