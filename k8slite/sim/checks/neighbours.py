"""No pod is bound next to one that it must keep away from, or that must keep away from it.

Mirrors upstream's InterPodAffinity at the moment of a binding, for the pods that one scheduler has
bound: it knows of those without looking. Terms that select namespaces are not judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from k8slite.objects.selectors import selector_of
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import NODES, PODS, named, node_of, terminal

Json = dict[str, Any]


class Neighbours:
    """Required anti-affinity, of both sides."""

    name: ClassVar[str] = "neighbours"
    prefixes: ClassVar[tuple[str, ...]] = (PODS,)

    def __init__(self, setting: Setting) -> None:
        self._state = setting.state
        self._bound: dict[str, dict[str, Json]] = {}  # by the process that bound them, then by key

    def commit(self, change: Change) -> Iterable[str]:
        mine = self._bound.setdefault(change.process, {})
        if change.new is None or terminal(change.new):
            for pods in self._bound.values():
                pods.pop(change.key, None)
            return
        was_bound = change.old is not None and node_of(change.old) != ""
        if not node_of(change.new) or was_bound or not change.request.endswith("/binding"):
            return
        for other in mine.values():
            for one, two in ((change.new, other), (other, change.new)):
                for term in _terms(one):
                    if _means(term, one, two) and self._near(term["topologyKey"], one, two):
                        yield (
                            f"{named(change.new)} is bound to {node_of(change.new)}, near "
                            f"{named(other)} on {node_of(other)}: {named(one)} keeps away from it"
                        )
        mine[change.key] = change.new

    def rest(self) -> Iterable[str]:
        return ()

    def _near(self, key: str, one: Json, two: Json) -> bool:
        values = []
        for pod in (one, two):
            node = self._state.get(NODES + node_of(pod))
            values.append(((node or {}).get("metadata") or {}).get("labels", {}).get(key))
        return values[0] is not None and values[0] == values[1]


def keeps_away(pod: Json) -> bool:
    """Whether a pod has required anti-affinity."""
    return bool(_terms(pod))


def _terms(pod: Json) -> list[Json]:
    anti = (pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}
    found: list[Json] = anti.get("requiredDuringSchedulingIgnoredDuringExecution") or []
    return found


def _means(term: Json, one: Json, two: Json) -> bool:
    """Whether a term of one pod means another."""
    if term.get("namespaceSelector") is not None:
        return False
    namespaces = term.get("namespaces") or [one["metadata"].get("namespace")]
    labels = two["metadata"].get("labels") or {}
    selector = selector_of(term.get("labelSelector"))
    return two["metadata"].get("namespace") in namespaces and selector.matches(labels)
