"""All nodes as pods of one class see them: judged once, kept up change by change.

Nodes that the filters let pass lie in *buckets*: those of one bucket are in the same position to
every rule, and equal where possible nodes are compared. Within a bucket the better node is the one
with the higher score, kept in a heap; a bucket as a whole is possible or not, and gets what its
nodes get by comparison. So a choice looks at one node a bucket, and after a pod was placed only the
nodes that the change touched are judged again: there are few buckets (zones, numbers of neighbours)
where there are thousands of nodes.

Among equals chance decides, by a number that a node draws when it is judged.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from attrs import define, field, frozen

from k8slite.scheduler.changes import What
from k8slite.scheduler.plugin import Comparison, Filter, Outdated, Rule, Score, Status
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo, Snapshot
from k8slite.scheduler.trial import Trial

STALE_MOST: Final = 64  # entries of a heap that count no more, beyond as many as count


@frozen
class Prepared:
    """What the plugins had to say about a pod before they saw nodes."""

    filters: tuple[Filter, ...] = ()
    rules: tuple[Rule, ...] = ()
    scores: tuple[tuple[Score, int], ...] = ()  # with their weights
    comparisons: tuple[tuple[Comparison, int], ...] = ()
    node_names: frozenset[str] | None = None  # the only nodes worth looking at
    narrowing_plugins: tuple[str, ...] = ()  # whose doing that is
    refusal: Status | None = None  # no node is possible
    remembered: bool = True  # whether it may be kept for other pods of the class
    by_all_nodes: bool = False  # whether it must be made anew when a node comes or goes


class Evaluation:
    """What is known of the nodes for pods like `pod`."""

    def __init__(
        self, pod: PodInfo, prepared: Prepared, snapshot: Snapshot, chance: random.Random
    ) -> None:
        self.pod = pod
        self.prepared = prepared
        self._snapshot = snapshot
        self._chance = chance
        self._read = snapshot.changes.end
        self._positions = (*prepared.rules, *(one for one, _ in prepared.comparisons))
        self._refused: dict[str, Status] = {}
        self._places: dict[str, tuple[_Bucket, int]] = {}  # the bucket and the newest heap entry
        self._buckets: dict[tuple[Any, ...], _Bucket] = {}
        self._number = 0

    def fill(self, nodes: Sequence[NodeInfo], wanted: int) -> int:
        """Judge nodes until so many are possible (0: all of them); how many were judged."""
        if not wanted:
            for node in nodes:
                self._judge(node)
            return len(nodes)
        found = 0
        for i, node in enumerate(nodes, 1):
            bucket = self._judge(node)
            if bucket is not None and self._refusal(bucket) is None:
                found += 1
                if found == wanted:
                    return i
        return len(nodes)

    def catch_up(self) -> bool:
        """Judge again what has changed since; False if everything must be made anew."""
        changes = self._snapshot.changes.since(self._read)
        if changes is None:
            return False
        by_all_nodes = self.prepared.by_all_nodes or any(
            one.goes_by_nodes() for one in self._positions
        )
        touched: dict[str, None] = {}
        for change in changes:
            touched[change.node_name] = None
            if change.what is What.TOPOLOGY and by_all_nodes:
                return False
            if change.pod is None:
                continue
            node = self._snapshot.get(change.node_name)
            if node is None:
                continue
            try:
                for one in self._positions:
                    for name in one.count(change.pod, node, change.sign):
                        touched[name] = None
            except Outdated:
                return False
        self._read = self._snapshot.changes.end
        names = self.prepared.node_names
        for name in touched:
            node = self._snapshot.get(name)
            if node is None or (names is not None and name not in names):
                self._drop(name)
            else:
                self._judge(node)
        return True

    def best(self) -> NodeInfo | None:
        """One of the best of the possible nodes."""
        buckets = list(self._possible())
        if not buckets:
            return None
        totals = [-self._top(bucket)[0] for bucket in buckets]
        if len(buckets) > 1:
            sizes = [bucket.size for bucket in buckets]
            first = len(self.prepared.rules)
            for i, (comparison, weight) in enumerate(self.prepared.comparisons, first):
                scores = comparison.compare([one.positions[i] for one in buckets], sizes)
                for j, score in enumerate(scores):
                    totals[j] += weight * score
        most = max(totals)
        tied = [self._top(one) for one, total in zip(buckets, totals, strict=True) if total == most]
        found = self._snapshot.get(min(tied, key=_drawn)[3])
        assert found is not None, "a node that has gone is in no bucket"
        return found

    def scores(self) -> dict[str, int]:
        """The score of every possible node, by name: what `best` goes by."""
        buckets = list(self._possible())
        found: dict[str, int] = {}
        compared = [0] * len(buckets)
        sizes = [bucket.size for bucket in buckets]
        for i, (comparison, weight) in enumerate(
            self.prepared.comparisons, len(self.prepared.rules)
        ):
            scores = comparison.compare([one.positions[i] for one in buckets], sizes)
            compared = [a + weight * b for a, b in zip(compared, scores, strict=True)]
        for bucket, more in zip(buckets, compared, strict=True):
            found |= {one[3]: more - one[0] for one in bucket.heap if self._is_newest(one)}
        return found

    def is_possible(self) -> bool:
        """Whether any node is possible now."""
        return next(self._possible(), None) is not None

    @property
    def is_blocked_by_rules(self) -> bool:
        """Whether the filters let a node pass, if none is possible."""
        return bool(self._buckets)

    def refusals(self) -> dict[str, Status]:
        """Why each of the nodes that were judged is not possible, by name."""
        found = dict(self._refused)
        by_bucket = {id(one): self._refusal(one) for one in self._buckets.values()}
        for name, (bucket, _) in self._places.items():
            if (status := by_bucket[id(bucket)]) is not None:
                found[name] = status
        return found

    def refusal(self, node: NodeInfo, besides: str = "") -> Status | None:
        """Why a node is not possible, as things are; room is not kept for the pod `besides`."""
        return self.trial(node, besides).refusal()

    def trial(self, node: NodeInfo, besides: str = "") -> Trial:
        """A node to be played with: see what would be if pods left it."""
        return Trial(
            self.prepared.filters, self.prepared.rules, node, self._nominated(node, besides)
        )

    def _possible(self) -> Iterator[_Bucket]:
        for bucket in self._buckets.values():
            if self._refusal(bucket) is None:
                yield bucket

    def _judge(self, node: NodeInfo) -> _Bucket | None:
        """Put a node where it belongs."""
        self._drop(node.name)
        nominated = self._nominated(node)
        status = None
        if nominated:
            full = node.copied()
            for pod in nominated:
                full.add(pod)
            status = _first_refusal(self.prepared.filters, full)
        status = status or _first_refusal(self.prepared.filters, node)
        if status is not None:
            self._refused[node.name] = status
            return None
        prepared = self.prepared
        positions = tuple([one.position(node) for one in self._positions])
        # What pods would do that are only expected is found out for each such node by itself.
        crowded = nominated and prepared.rules
        key = (positions, node.name) if crowded else (positions, "")
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(key, positions, node if crowded else None)
        score = 0
        for rate, weight in prepared.scores:
            score += weight * rate(node)
        self._number += 1
        if len(bucket.heap) > 2 * bucket.size + STALE_MOST:
            bucket.heap = [one for one in bucket.heap if self._is_newest(one)]
            heapq.heapify(bucket.heap)
        heapq.heappush(bucket.heap, (-score, self._chance.random(), self._number, node.name))
        bucket.size += 1
        self._places[node.name] = bucket, self._number
        return bucket

    def _drop(self, name: str) -> None:
        place = self._places.pop(name, None)
        if place is None:
            self._refused.pop(name, None)
            return
        bucket = place[0]
        bucket.size -= 1
        if not bucket.size:
            del self._buckets[bucket.key]

    def _top(self, bucket: _Bucket) -> tuple[int, float, int, str]:
        """The best node of a bucket; entries of nodes that were judged again are dropped."""
        heap = bucket.heap
        while True:
            if self._is_newest(heap[0]):
                return heap[0]
            heapq.heappop(heap)

    def _is_newest(self, entry: tuple[int, float, int, str]) -> bool:
        place = self._places.get(entry[3])
        return place is not None and place[1] == entry[2]

    def _refusal(self, bucket: _Bucket) -> Status | None:
        if bucket.crowded is not None:
            return self.refusal(bucket.crowded)
        for rule, position in zip(self.prepared.rules, bucket.positions, strict=False):
            if (status := rule.refusal(position)) is not None:
                return status
        return None

    def _nominated(self, node: NodeInfo, besides: str = "") -> Sequence[PodInfo]:
        """The pods that room must be kept for: of the same or a higher priority."""
        nominated = self._snapshot.nominated(node.name)
        if not nominated:
            return ()
        least = self.pod.priority
        return [one for one in nominated if one.priority >= least and one.uid != besides]


@define(eq=False)
class _Bucket:
    """Possible nodes in one position; `crowded` is the only one, with pods that are expected."""

    key: tuple[Any, ...]
    positions: tuple[Any, ...]
    crowded: NodeInfo | None
    # Of each node: its score, negative, what it drew, the number of the entry, its name.
    heap: list[tuple[int, float, int, str]] = field(factory=list)
    size: int = 0


def _first_refusal(filters: Iterable[Filter], node: NodeInfo) -> Status | None:
    for look in filters:
        if (status := look(node)) is not None:
            return status
    return None


def _drawn(entry: tuple[int, float, int, str]) -> float:
    return entry[1]
