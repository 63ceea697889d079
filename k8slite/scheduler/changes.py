"""What has changed in the snapshot, in order, for those who keep conclusions from it.

Each reader remembers how far it has read. The log is of bounded length: who has fallen behind
further than that must look at everything anew, which costs about as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

if TYPE_CHECKING:
    from k8slite.scheduler.pod_info import PodInfo

KEPT_LEAST: Final = 1000  # entries; twice as many are there before the older half is dropped


class What(Enum):
    """What a change is about."""

    POD = auto()  # a pod counts on the node, or no longer
    NODE = auto()  # the node itself: its room, its taints
    TOPOLOGY = auto()  # the node came or went, or has other labels


@frozen
class Change:
    """One change, of one node."""

    node_name: str
    what: What
    pod: PodInfo | None = None
    sign: int = 0  # of a pod: 1 it came, -1 it went


@define(eq=False)
class ChangeLog:
    """The newest changes; `end` is how many there have been."""

    end: int = 0
    _first: int = 0
    _entries: list[Change] = field(factory=list)

    def add(self, change: Change) -> None:
        self._entries.append(change)
        self.end += 1
        if len(self._entries) >= 2 * KEPT_LEAST:
            del self._entries[:KEPT_LEAST]
            self._first += KEPT_LEAST

    def since(self, read: int) -> Sequence[Change] | None:
        """What came after the first `read` changes; None if that is not known any more."""
        if read == self.end:
            return ()
        if read < self._first:
            return None
        return self._entries[read - self._first :]

    def forget(self) -> None:
        """Something has changed that touches everything: everybody must look anew."""
        self._entries.clear()
        self.end += 1
        self._first = self.end
