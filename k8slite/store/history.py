"""The multi-version state as a plain value: what is there, and what changed since when.

Purely synchronous; whoever owns one decides when a change is durable and calls `publish`. The
newest versions are a dictionary plus sorted keys; the past is one list of changes per folder (the
first segment of the keys), each with the version before it. A snapshot of revision r is therefore
the newest state with the changes after r undone, and a watch resumes by a look into the same
list, so a version costs nothing but its place there.

Changes at or below `oldest` are forgotten: a snapshot or a watch needs those above its revision.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any, Final, NamedTuple

from attrs import define, field
from sortedcontainers import SortedList

from k8slite.store.store import Compacted, Event, FutureRevision, Page, Stored


class Record(NamedTuple):
    """One write as a journal keeps it; `value` None is a deletion."""

    revision: int
    key: str
    value: bytes | None


def folder(text: str) -> str:
    """The first segment of a key or prefix with its slash; "" where there is none."""
    return text[: text.find("/") + 1]


class History:
    """Versions of keys under one counter of revisions."""

    def __init__(self) -> None:
        self.revision = 0
        self.oldest = 0
        self._newest: dict[str, Stored] = {}
        self._folders: dict[str, _Folder] = {}
        self.get = self._newest.get  # the hottest read pays for no call of ours

    def publish(self, event: Event) -> None:
        """Make one change, which must be newer than all before, the newest one."""
        key = event.key
        name = key[: key.find("/") + 1]
        kept = self._folders.get(name)
        if kept is None:
            kept = self._folders[name] = _Folder()
        if event.now is None:
            del self._newest[key]
            kept.keys.remove(key)
        else:
            self._newest[key] = event.now
            if event.before is None:
                kept.keys.add(key)
        kept.changes.append(event)
        self.revision = event.revision

    def page(self, prefix: str, at: int | None, limit: int, start: str) -> Page:
        """A part of the snapshot at a revision. Raises Compacted or FutureRevision."""
        revision = self.revision if at is None else at
        self._check(revision)
        keys, undone, total = self._range(prefix, start, revision)
        newest = self._newest
        if limit <= 0 or total <= limit:
            chosen, next_start = keys, ""
        else:
            head = list(islice(keys, limit + 1))
            next_start = head.pop()
            chosen = iter(head)
        if undone:
            items = [undone[key] if key in undone else newest[key] for key in chosen]
        else:
            items = [newest[key] for key in chosen]
        return Page(items, revision, next_start, total - len(items))  # type: ignore[arg-type]

    def count(self, prefix: str) -> int:
        """How many keys there are under a prefix."""
        return sum(high - low for _, low, high in self._spans(prefix, ""))

    def changes(self, prefix: str, after: int) -> list[Event]:
        """The changes under a prefix above a revision, in order. Raises like `page`."""
        self._check(after)
        found = [
            event
            for kept in self._folders_of(prefix)
            for event in kept.since(after)
            if event.key.startswith(prefix)
        ]
        if not folder(prefix):
            found.sort(key=_revision)
        return found

    def compact(self, before: int) -> list[int]:
        """Raise `oldest`; returns the revisions of writes that nothing needs any more."""
        self.oldest = before
        dead: list[int] = []
        for name in list(self._folders):
            kept = self._folders[name]
            cut = bisect_right(kept.changes, before, key=_revision)
            for event in islice(kept.changes, cut):
                if event.before is not None:
                    dead.append(event.before.revision)
                if event.now is None:
                    dead.append(event.revision)
            del kept.changes[:cut]
            if not kept.changes and not kept.keys:
                del self._folders[name]
        return dead

    def replay(self, records: Iterable[Record], revision: int, oldest: int) -> list[int]:
        """Fill an empty history from a journal: its records by revision, at least the newest of
        each key and all above `oldest`.

        Returns the revisions of records that nothing needs, left over from a compaction that
        was interrupted.
        """
        dead: list[int] = []
        newest = self._newest
        for record in records:
            key = record.key
            before = newest.get(key)
            now = None if record.value is None else Stored(key, record.revision, record.value)
            if now is not None:
                newest[key] = now
            elif before is not None:
                del newest[key]
            if record.revision > oldest and (now or before):
                kept = self._folders.setdefault(folder(key), _Folder())
                kept.changes.append(Event(record.revision, key, now, before))
            else:
                if before is not None:
                    dead.append(before.revision)
                if now is None:
                    dead.append(record.revision)
            revision = max(revision, record.revision)
        self._find_keys()
        self.revision = max(revision, oldest)
        self.oldest = oldest
        return dead

    def copy(self, at: int | None = None) -> History:
        """The same versions in a history of its own, as they were at a revision (None: now).

        Versions are shared, since nobody changes one. Raises Compacted or FutureRevision.
        """
        revision = self.revision if at is None else at
        self._check(revision)
        copy = History()
        copy.revision, copy.oldest = revision, self.oldest
        copy._newest.update((stored.key, stored) for stored in self.page("", revision, 0, "").items)
        for name, kept in self._folders.items():
            changes = kept.changes[: bisect_right(kept.changes, revision, key=_revision)]
            if changes:
                copy._folders[name] = _Folder(changes=changes)
        copy._find_keys()
        return copy

    def _find_keys(self) -> None:
        """Fill the folders' keys from the newest versions."""
        by_folder: dict[str, list[str]] = {}
        for key in self._newest:
            by_folder.setdefault(folder(key), []).append(key)
        for name, keys in by_folder.items():
            self._folders.setdefault(name, _Folder()).keys.update(keys)

    def _check(self, revision: int) -> None:
        if revision < self.oldest:
            raise Compacted(revision, self.oldest)
        if revision > self.revision:
            raise FutureRevision(revision, self.revision)

    def _folders_of(self, prefix: str) -> list[_Folder]:
        name = folder(prefix)
        if name:
            kept = self._folders.get(name)
            return [kept] if kept is not None else []
        return list(self._folders.values())

    def _spans(self, prefix: str, start: str) -> list[tuple[_Folder, int, int]]:
        """Where the live keys under a prefix and from a start on lie in each folder."""
        first, end = max(prefix, start), _after_prefix(prefix)
        spans = []
        for kept in self._folders_of(prefix):
            low = kept.keys.bisect_left(first)
            high = kept.keys.bisect_left(end) if end else len(kept.keys)
            spans.append((kept, low, max(low, high)))
        return spans

    def _range(
        self, prefix: str, start: str, revision: int
    ) -> tuple[Iterator[str], dict[str, Stored | None], int]:
        """The keys in order, the versions to take instead of the newest, and how many keys."""
        spans = self._spans(prefix, start)
        total = sum(high - low for _, low, high in spans)
        undone: dict[str, Stored | None] = {}
        if revision < self.revision:
            for kept, _, _ in spans:
                for event in kept.since(revision):
                    if event.key.startswith(prefix) and event.key >= start:
                        undone.setdefault(event.key, event.before)
        parts: list[Iterator[str]] = [kept.keys.islice(low, high) for kept, low, high in spans]
        if undone:
            total += sum(
                (before is not None) - (key in self._newest) for key, before in undone.items()
            )
            parts = [(key for key in part if key not in undone) for part in parts]
            parts.append(iter(sorted(key for key, before in undone.items() if before is not None)))
        return parts[0] if len(parts) == 1 else merge(*parts), undone, total


_revision: Final = attrgetter("revision")
_LAST_CHARACTER: Final = "\U0010ffff"


@define(eq=False)
class _Folder:
    """The live keys and the changes under one first segment."""

    keys: Any = field(factory=SortedList)
    changes: list[Event] = field(factory=list)

    def since(self, revision: int) -> Sequence[Event]:
        changes = self.changes
        if not changes or changes[-1].revision <= revision:
            return ()
        return changes[bisect_right(changes, revision, key=_revision) :]


def _after_prefix(prefix: str) -> str:
    """The least text above all that begin with a prefix; "" if there is none."""
    kept = prefix.rstrip(_LAST_CHARACTER)
    return kept[:-1] + chr(ord(kept[-1]) + 1) if kept else ""
