"""One node, played with: what would the filters and rules say if pods left it, or came to it?

The node is a copy; rules are told of every pod that goes or comes in the game, and of its opposite
when the game is over, so that nothing is changed in the end. Pods that room is kept for are there
and are not: the pod must fit both ways, since they may come or not (upstream:
`RunFilterPluginsWithNominatedPods`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from k8slite.scheduler.plugin import Filter, Outdated, Rule, Status
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo


class Trial:
    """A game about one node; a context manager, which takes back what was done."""

    def __init__(
        self,
        filters: Sequence[Filter],
        rules: Sequence[Rule],
        node: NodeInfo,
        expected: Sequence[PodInfo],
    ) -> None:
        self.node = node.copied()
        self._filters = filters
        self._rules = rules
        self._expected = expected
        self._done: list[tuple[PodInfo, int]] = []

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_: object) -> None:
        self._undo(0)

    def add(self, pod: PodInfo) -> None:
        """A pod comes."""
        self._move(pod, 1)

    def remove(self, pod: PodInfo) -> None:
        """A pod leaves."""
        self._move(pod, -1)

    def refusal(self) -> Status | None:
        """Why the node is not possible as it is in the game."""
        if self._expected:
            with self._with(self._expected):
                if (status := self._refusal()) is not None:
                    return status
        return self._refusal()

    def _refusal(self) -> Status | None:
        for look in self._filters:
            if (status := look(self.node)) is not None:
                return status
        for rule in self._rules:
            if (status := rule.refusal(rule.position(self.node))) is not None:
                return status
        return None

    @contextmanager
    def _with(self, pods: Iterable[PodInfo]) -> Iterator[None]:
        before = len(self._done)
        try:
            for pod in pods:
                self._move(pod, 1)
            yield
        finally:
            self._undo(before)

    def _move(self, pod: PodInfo, sign: int) -> None:
        if sign > 0:
            self.node.add(pod)
        else:
            self.node.remove(pod)
        self._tell(pod, sign)
        self._done.append((pod, sign))

    def _undo(self, length: int) -> None:
        while len(self._done) > length:
            pod, sign = self._done.pop()
            if sign > 0:
                self.node.remove(pod)
            else:
                self.node.add(pod)
            self._tell(pod, -sign)

    def _tell(self, pod: PodInfo, sign: int) -> None:
        for rule in self._rules:
            try:
                rule.count(pod, self.node, sign)
            except Outdated:
                # A pod that is only expected brings a new kind of neighbourhood: what it would
                # forbid is found out when it has come.
                continue
