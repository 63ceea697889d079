"""Terms of affinity between pods, read once: which pods are meant, and near in which sense.

A term without namespaces means pods of its own pod's namespace; one with a selector of namespaces
also those of every namespace with such labels (upstream: `framework.AffinityTerm`). The label keys
of `matchLabelKeys` and `mismatchLabelKeys` join the selector with the values that the term's own
pod has; the API server does the same when the pod is made, and twice is as good as once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import evolve, frozen

from k8slite.kinds.core.affinity_models import PodAffinity, PodAffinityTerm
from k8slite.kinds.core.models import Pod
from k8slite.objects.selectors import NOTHING, Requirement, Selector, selector_of

Namespaces = Mapping[str, Mapping[str, str]]  # the labels of each namespace


@frozen
class Term:
    """Pods that are meant, and the label whose value two nodes share when they are near."""

    key: str
    selector: Selector
    namespaces: frozenset[str]
    namespace_selector: Selector
    weight: int = 0  # of a preferred one

    def matches(self, pod: Pod, namespaces: Namespaces) -> bool:
        """Whether a pod is meant."""
        metadata = pod.metadata
        if metadata.namespace not in self.namespaces:
            if self.namespace_selector.nothing:
                return False
            if not self.namespace_selector.matches(namespaces.get(metadata.namespace, _NO_LABELS)):
                return False
        return self.selector.matches(metadata.labels)


@frozen
class Terms:
    """All that a pod says about pods near it."""

    required: tuple[Term, ...] = ()
    preferred: tuple[Term, ...] = ()
    required_anti: tuple[Term, ...] = ()
    preferred_anti: tuple[Term, ...] = ()


def terms_of(pod: Pod) -> Terms:
    """Read a pod's terms. Raises ValueError for a selector that is none."""
    affinity = pod.spec.affinity
    if affinity is None or (affinity.pod_affinity is None and affinity.pod_anti_affinity is None):
        return NO_TERMS
    return Terms(
        *_read(pod, affinity.pod_affinity or PodAffinity()),
        *_read(pod, affinity.pod_anti_affinity or PodAffinity()),
    )


def with_label_keys(
    selector: Selector, labels: Mapping[str, str], keys: tuple[str, ...], operator: str
) -> Selector:
    """A selector that also asks for (`in`) or excludes (`notin`) what `labels` have under keys."""
    if selector.nothing:
        return selector
    more = [Requirement(key, operator, (labels[key],)) for key in keys if key in labels]
    return Selector((*selector.requirements, *more)) if more else selector


def _read(pod: Pod, affinity: PodAffinity) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
    required = tuple(_term(pod, one) for one in affinity.required)
    preferred = tuple(
        evolve(_term(pod, one.pod_affinity_term), weight=one.weight) for one in affinity.preferred
    )
    return required, preferred


def _term(pod: Pod, term: PodAffinityTerm) -> Term:
    labels = pod.metadata.labels
    selector = selector_of(term.label_selector)
    selector = with_label_keys(selector, labels, term.match_label_keys, "in")
    selector = with_label_keys(selector, labels, term.mismatch_label_keys, "notin")
    named = frozenset(term.namespaces)
    if not named and term.namespace_selector is None:
        named = frozenset((pod.metadata.namespace,))
    wider = NOTHING if term.namespace_selector is None else selector_of(term.namespace_selector)
    return Term(term.topology_key, selector, named, wider)


NO_TERMS: Final = Terms()
_NO_LABELS: Final[Mapping[str, str]] = {}
