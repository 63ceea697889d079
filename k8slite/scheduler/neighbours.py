"""Who is near whom: sums over the domains of labels, by terms of affinity between pods.

A sum is kept for each domain (a label's key and value), and told by a node's *position*: where
domains are narrow the sum itself, else the domain, so that a pod more in a zone moves none of the
zone's nodes. Upstream: `plugins/interpodaffinity`, `topologyToMatchedTermCount` and `scoreMap`.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field

from k8slite.scheduler.affinity_terms import Namespaces, Term
from k8slite.scheduler.plugin import Outdated
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo, Snapshot

Additions = list[tuple[str, int]]  # label keys, and how much more a domain of them has


@define(eq=False)
class Sums:
    """Sums by domain, for some label keys; `fixed` once nodes go by their positions."""

    snapshot: Snapshot
    fixed: bool = False
    by_key: dict[str, dict[str, int]] = field(factory=dict)
    narrow: dict[str, bool] = field(factory=dict)
    entries: int = 0  # domains whose sum is not 0

    def fix(self) -> None:
        """From now on other keys make what was concluded outdated."""
        self.fixed = True
        for key in self.by_key:
            self.narrow[key] = self.snapshot.is_narrow(key)

    def check(self, additions: Additions, node: NodeInfo) -> None:
        """Raises Outdated if there is a key that is not known yet."""
        if self.fixed:
            for key, _ in additions:
                if key not in self.by_key and key in node.labels:
                    raise Outdated

    def add(self, additions: Additions, node: NodeInfo, moved: list[str]) -> None:
        """Add to the domains of a node; names of nodes whose position changed go to `moved`."""
        for key, amount in additions:
            value = node.labels.get(key)
            if value is None:
                continue
            sums = self.by_key.setdefault(key, {})
            before = sums.get(value, 0)
            now = before + amount
            if now:
                sums[value] = now
            else:
                sums.pop(value, None)
            self.entries += bool(now) - bool(before)
            if self.narrow.get(key):
                moved += self.snapshot.domains(key).get(value, ())

    def at(self, key: str, node: NodeInfo) -> int | str | None:
        """A node's part of a position; None if it is in no domain of the key."""
        value = node.labels.get(key)
        if value is None or not self.narrow.get(key):
            return value
        return self.by_key.get(key, _EMPTY).get(value, 0)

    def sum(self, key: str, at: int | str | None) -> int:
        """The sum at that part of a position."""
        if isinstance(at, str):
            return self.by_key.get(key, _EMPTY).get(at, 0)
        return at or 0


def keys_of(terms: Iterable[Term]) -> list[str]:
    """The label keys of terms, each once."""
    return list(dict.fromkeys(term.key for term in terms))


def matching(
    terms: Iterable[Term], pod: PodInfo, namespaces: Namespaces, sign: int, weight: int = 0
) -> Additions:
    """What a pod that is meant by some of the terms adds: their weights, or the one given."""
    return [
        (term.key, sign * (weight or term.weight))
        for term in terms
        if term.matches(pod.pod, namespaces)
    ]


_EMPTY: dict[str, int] = {}
