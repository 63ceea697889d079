"""Whose heart has stopped: when each node was last heard of, and how long it may be silent.

Pure: the caller says what time it is (trio's). A beat is O(1), however many nodes there are; a pass
looks only at those whose time may be up. A heap keeps the deadlines as they were when last looked
at: beats do not touch it, since a deadline only ever moves back.
"""

from __future__ import annotations

import heapq
import math

from attrs import define, field


@define
class _Heart:
    last_time: float
    grace_seconds: float
    waiting: bool = False  # it has an entry in the heap


@define
class Heartbeats:
    """The last beats of all nodes."""

    _hearts: dict[str, _Heart] = field(factory=dict)
    _deadlines: list[tuple[float, str]] = field(factory=list)

    def beat(self, name: str, now: float, grace_seconds: float) -> None:
        """A node was heard of; from now on it may be silent for that long."""
        heart = self._hearts.get(name)
        if heart is None:
            heart = self._hearts[name] = _Heart(now, grace_seconds)
        shorter = now + grace_seconds < heart.last_time + heart.grace_seconds
        heart.last_time = now
        heart.grace_seconds = grace_seconds
        if shorter or not heart.waiting:
            heart.waiting = True
            heapq.heappush(self._deadlines, (now + grace_seconds, name))

    def forget(self, name: str) -> None:
        self._hearts.pop(name, None)

    def overdue(self, name: str, now: float) -> bool:
        """Whether a known node has been silent for too long."""
        heart = self._hearts.get(name)
        return heart is not None and now > heart.last_time + heart.grace_seconds

    @property
    def first_deadline(self) -> float:
        """Before this nobody becomes overdue."""
        return self._deadlines[0][0] if self._deadlines else math.inf

    def expired(self, now: float) -> list[str]:
        """The nodes that have become overdue since the last call, each once until it beats."""
        found: dict[str, None] = {}
        while self._deadlines and self._deadlines[0][0] < now:
            _, name = heapq.heappop(self._deadlines)
            heart = self._hearts.get(name)
            if heart is None or not heart.waiting:
                continue
            deadline = heart.last_time + heart.grace_seconds
            if deadline < now:
                heart.waiting = False
                found[name] = None
            else:
                heapq.heappush(self._deadlines, (deadline, name))
        return list(found)

    def reset(self, now: float) -> None:
        """Believe that every node was heard of now."""
        for name, heart in self._hearts.items():
            self.beat(name, now, heart.grace_seconds)
