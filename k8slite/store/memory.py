"""The store that lives and dies with the process.

A write is published at once: nothing in memory can be lost that a reader has seen. It is also the
reading half of the store that has a journal (`journaled`), which differs only in when a write is
published.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import trio

from k8slite.store.history import History
from k8slite.store.store import (
    Encode,
    Event,
    FutureRevision,
    KeyConflict,
    Page,
    Put,
    Stored,
)
from k8slite.store.watchers import BACKLOG_MOST_EVENTS, Watcher, Watchers


class MemoryStore:
    """A `Store` without a disk."""

    def __init__(self, *, backlog_events: int = BACKLOG_MOST_EVENTS) -> None:
        """`backlog_events`: how much a watch may leave unread before it is cut off."""
        self._history = History()
        self._watchers = Watchers(backlog_events=backlog_events)
        self._waiting = trio.lowlevel.ParkingLot()  # for a revision to be published
        self.get = self._history.get

    def copy(self, at: int | None = None) -> MemoryStore:
        """A store of its own that begins with what this one had at a revision (None: now).

        Raises Compacted or FutureRevision.
        """
        copy = MemoryStore(backlog_events=self._watchers.backlog_events)
        copy._history = self._history.copy(at)
        copy._watchers.revision = copy._history.revision
        copy.get = copy._history.get
        return copy

    @property
    def revision(self) -> int:
        """The newest published revision; 0 when nothing was ever written."""
        return self._history.revision

    @property
    def failure(self) -> str:
        """Why nothing is written any more: memory does not fail."""
        return ""

    @property
    def oldest(self) -> int:
        """Reads and watches at revisions below this one raise Compacted."""
        return self._history.oldest

    def list(self, prefix: str, *, at: int | None = None, limit: int = 0, start: str = "") -> Page:
        """The keys under a prefix as of revision `at` (None: newest), from key `start` on.

        `limit` 0 means all. Raises Compacted or FutureRevision.
        """
        return self._history.page(prefix, at, limit, start)

    def count(self, prefix: str) -> int:
        """How many keys there are under a prefix now."""
        return self._history.count(prefix)

    async def put(
        self, key: str, value: Encode | None, *, expect: int | None, header: Any = None
    ) -> Stored:
        """Write one version (None deletes); see `Store.put`.

        A caller cancelled in here has written nevertheless.
        """
        before = self._history.get(key)
        if conflict(value, expect, before):
            await trio.lowlevel.checkpoint()
            raise KeyConflict(key, expect, revision_of(before))
        event, stored = change(self._history.revision + 1, key, value, before, header)
        self._history.publish(event)
        self._tell((event,))
        await trio.lowlevel.checkpoint()
        return stored

    async def put_all(self, puts: Sequence[Put]) -> Sequence[Stored | None]:
        """Write several, each for itself, and wait once; see `Store.put_all`."""
        done: list[Stored | None] = []
        events: list[Event] = []
        for put in puts:
            before = self._history.get(put.key)
            if conflict(put.value, put.expect, before):
                done.append(None)
                continue
            revision = self._history.revision + 1
            event, stored = change(revision, put.key, put.value, before, put.header)
            self._history.publish(event)
            events.append(event)
            done.append(stored)
        if events:
            self._tell(events)
        await trio.lowlevel.checkpoint()
        return done

    def watch(self, prefix: str, *, after: int) -> Watcher:
        """Changes under a prefix with revisions above `after`.

        Raises Compacted or FutureRevision.
        """
        return self._watchers.add(prefix, self._history.changes(prefix, after))

    async def wait(self, revision: int) -> None:
        """Return when that revision is published."""
        await trio.lowlevel.checkpoint()
        while self._history.revision < revision:
            await self._waiting.park()

    async def compact(self, before: int) -> None:
        """Forget what is only needed for reads and watches at revisions below `before`.

        Raises FutureRevision.
        """
        await trio.lowlevel.checkpoint()
        self._forget(before)

    def _forget(self, before: int) -> Sequence[int]:
        """Compact what is in memory; the revisions of writes that nothing needs any more."""
        if before > self._history.revision:
            raise FutureRevision(before, self._history.revision)
        return self._history.compact(before) if before > self._history.oldest else ()

    def _tell(self, events: Sequence[Event]) -> None:
        """Wake whoever waits for changes that have been published."""
        self._watchers.publish(events)
        if self._waiting:
            self._waiting.unpark_all()


def change(
    revision: int, key: str, value: Encode | None, before: Stored | None, header: Any
) -> tuple[Event, Stored]:
    """What a write does, and what its caller gets."""
    if value is not None:
        now = Stored(key, revision, value(revision), header)
        return Event(revision, key, now, before), now
    assert before is not None
    gone = Stored(key, revision, before.value, before.header if header is None else header)
    return Event(revision, key, None, before), gone


def conflict(value: Encode | None, expect: int | None, before: Stored | None) -> bool:
    """Whether a write cannot be made over what there is."""
    if before is None:
        return bool(expect) or value is None
    return expect is not None and expect != before.revision


def revision_of(before: Stored | None) -> int:
    """The revision that a key is at, 0 where it is absent."""
    return 0 if before is None else before.revision
