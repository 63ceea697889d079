"""The store whose writes outlive it: memory in front of a journal.

A put takes its revision at once, against the newest state that was ever prepared. One task hands
everything that has gathered to the journal as one batch, and publishes it when the journal
answers: only then readers and watchers see it and the callers return, so that nobody acts on what
could still be lost. While a batch is being written the next one gathers (group commit).

If the journal fails, nothing more is written: what was prepared is never published, every put
that waits or comes raises Broken, reads go on.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

import trio
from attrs import Factory, define, frozen
from trio.lowlevel import ParkingLot

from k8slite.store.history import Record
from k8slite.store.memory import MemoryStore, change, conflict, revision_of
from k8slite.store.store import Broken, Encode, Event, KeyConflict, Put, Stored
from k8slite.store.watchers import BACKLOG_MOST_EVENTS

log = logging.getLogger(__name__)

# A batch that has this many writes or bytes takes no more: it bounds what waits in memory and how
# long one transaction lasts. Further writers wait for it.
BATCH_MOST_WRITES: Final = 1_024
BATCH_MOST_BYTES: Final = 16 * 1024 * 1024

# Records that one step of a compaction deletes; a batch waits for one step at most.
COMPACT_STEP_RECORDS: Final = 500


@frozen
class Loaded:
    """What a journal holds: every record by revision, and its marks."""

    records: Iterable[Record]
    revision: int  # at least this revision was given out, whatever the records say
    oldest: int  # what the last compaction was told


class Journal(Protocol):
    """Where writes become durable. All methods are called by one task, one after the other."""

    async def load(self) -> Loaded:
        """Everything that was appended and not compacted. Called once, before all else."""
        ...

    async def append(self, records: Sequence[Record]) -> None:
        """Keep records with rising revisions, all or none; return when they survive a crash.

        What it raises is the reason why the store takes no more writes.
        """
        ...

    async def compact(self, oldest: int, dead: Sequence[int]) -> None:
        """Remember the mark, then drop the records with these revisions; an interrupted one
        leaves some of them, which `load` may return."""
        ...


class JournaledStore(MemoryStore):
    """A `Store` whose writes survive. Made by `open_journaled`."""

    def __init__(self, journal: Journal, *, backlog_events: int = BACKLOG_MOST_EVENTS) -> None:
        super().__init__(backlog_events=backlog_events)
        self._journal = journal
        self._gathering = _Batch()
        self._writing = _Batch()  # the batch before, with the journal or published
        self._prepared: dict[str, Event] = {}  # the newest by key, until published
        self._prepared_revision = 0
        self._dead: list[int] = []  # revisions of records to be dropped from the journal
        self._compacted = 0  # the mark that the journal knows
        self._compacting = ParkingLot()
        self._work = ParkingLot()  # where the writing task waits
        self._closing = False
        self._broken = ""

    @property
    def failure(self) -> str:
        """Why nothing is written any more; "" as long as the journal answers."""
        return self._broken

    async def put(
        self, key: str, value: Encode | None, *, expect: int | None, header: Any = None
    ) -> Stored:
        """Write one version (None deletes); see `Store.put`.

        A caller cancelled in here may have written nevertheless, and disturbs no other.
        """
        await self._room()
        newest = self._prepared.get(key)
        before = self._history.get(key) if newest is None else newest.now
        if conflict(value, expect, before):
            if newest is None:
                await trio.lowlevel.checkpoint()
            else:
                await self._settled(self._batch_of(newest))
            raise KeyConflict(key, expect, revision_of(before))
        batch = self._gathering
        stored = self._prepare(key, value, before, header)
        await self._settled(batch)
        return stored

    async def put_all(self, puts: Sequence[Put]) -> Sequence[Stored | None]:
        """Write several, each for itself, and wait once; see `Store.put_all`."""
        done: list[Stored | None] = []
        batches: dict[_Batch, None] = {}  # in which they, or what was there first, will settle
        prepared, published, prepare = self._prepared.get, self._history.get, self._prepare
        for key, value, expect, header in puts:
            if self._gathering.full or self._broken:
                await self._room()
            newest = prepared(key)
            before = published(key) if newest is None else newest.now
            if conflict(value, expect, before):
                if newest is not None:
                    batches[self._batch_of(newest)] = None
                done.append(None)
                continue
            batches[self._gathering] = None
            done.append(prepare(key, value, before, header))
        if not batches:
            await trio.lowlevel.checkpoint()
        for batch in batches:
            await self._settled(batch)
        return done

    async def wait(self, revision: int) -> None:
        """Return when that revision is published. Raises Broken if it will not be."""
        await trio.lowlevel.checkpoint()
        while self._history.revision < revision:
            if self._broken:
                raise Broken(self._broken)
            await self._waiting.park()

    async def compact(self, before: int) -> None:
        """Forget what is only needed for reads and watches at revisions below `before`.

        Raises FutureRevision or Broken. Cancelled half way, the rest is done in the background.
        """
        await trio.lowlevel.checkpoint()
        if self._broken:
            raise Broken(self._broken)
        self._dead += self._forget(before)
        if self._work:
            self._work.unpark()
        while self._dead or self._compacted < self._history.oldest:
            if self._broken:
                raise Broken(self._broken)
            await self._compacting.park()

    async def load(self) -> None:
        """Take over what the journal holds; called once, before all else."""
        loaded = await self._journal.load()
        self._dead = self._history.replay(loaded.records, loaded.revision, loaded.oldest)
        self._compacted = loaded.oldest
        self._prepared_revision = self._watchers.revision = self._history.revision

    async def write(self) -> None:
        """The writing task: batches and steps of a compaction in turn, until closed or broken."""
        try:
            while True:
                if self._gathering.events:
                    await self._write_batch()
                if self._dead or self._compacted < self._history.oldest:
                    await self._compact_step()
                elif not self._gathering.events:
                    if self._closing:
                        break
                    await self._work.park()
        except Exception as error:  # the journal's reason becomes everybody's
            log.exception("the journal failed, nothing more will be written")
            self._break(f"the journal failed: {type(error).__name__}: {error}")
        finally:
            self._break("the store is closed")

    def finish(self) -> None:
        """Let the writing task end once everything that was prepared is written."""
        self._closing = True
        self._work.unpark()

    async def _write_batch(self) -> None:
        batch = self._writing = self._gathering
        self._gathering = _Batch()
        await self._journal.append(batch.records)
        publish, prepared = self._history.publish, self._prepared
        for event in batch.events:
            publish(event)
            key = event.key
            if prepared[key] is event:
                del prepared[key]
        batch.published = True
        self._tell(batch.events)
        batch.settled.unpark_all()

    async def _compact_step(self) -> None:
        oldest, step = self._history.oldest, self._dead[:COMPACT_STEP_RECORDS]
        await self._journal.compact(oldest, step)
        del self._dead[: len(step)]
        self._compacted = oldest
        if not self._dead:
            self._compacting.unpark_all()

    async def _room(self) -> None:
        """Return at once where the next batch takes more, else when it does. Raises Broken."""
        while self._gathering.full and not self._broken:
            await self._gathering.settled.park()
        if self._broken:
            await trio.lowlevel.checkpoint()
            raise Broken(self._broken)

    def _prepare(
        self, key: str, value: Encode | None, before: Stored | None, header: Any
    ) -> Stored:
        """Give a write its revision and its place in the next batch."""
        revision = self._prepared_revision + 1
        event, stored = self._change(revision, key, value, before, header)
        self._gathering.add(event)
        self._prepared_revision = revision
        self._prepared[key] = event
        if self._work:
            self._work.unpark()
        return stored

    def _batch_of(self, event: Event) -> _Batch:
        """Where a write waits that is not published."""
        gathering = self._gathering
        first = gathering.events[0].revision if gathering.events else event.revision + 1
        return gathering if event.revision >= first else self._writing

    def _change(
        self, revision: int, key: str, value: Encode | None, before: Stored | None, header: Any
    ) -> tuple[Event, Stored]:
        """What a write does; called in the task of the writer, who is known nowhere else."""
        return change(revision, key, value, before, header)

    async def _settled(self, batch: _Batch) -> None:
        """Return when a batch is published. Raises Broken if it will not be."""
        if not batch.published:
            if not self._broken:
                await batch.settled.park()
            if not batch.published:
                raise Broken(self._broken)

    def _break(self, reason: str) -> None:
        """Refuse all writes from now on; the first reason counts."""
        if self._broken:
            return
        self._broken = reason
        for batch in (self._writing, self._gathering):
            batch.settled.unpark_all()
        self._compacting.unpark_all()
        self._waiting.unpark_all()


@asynccontextmanager
async def open_journaled(
    journal: Journal, *, backlog_events: int = BACKLOG_MOST_EVENTS
) -> AsyncIterator[JournaledStore]:
    """A store on a journal, which stays its owner's to close.

    Leaving waits for what has been prepared to be written; being cancelled does not.
    """
    store = JournaledStore(journal, backlog_events=backlog_events)
    await store.load()
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.write)
        try:
            yield store
        except Exception as error:  # goes on below: a nursery would wrap it in a group
            failure = error
        store.finish()
    if failure is not None:
        raise failure


@define(eq=False)
class _Batch:
    """Writes that become durable together."""

    events: list[Event] = Factory(list)
    bytes: int = 0
    full: bool = False
    published: bool = False
    settled: ParkingLot = Factory(ParkingLot)

    @property
    def records(self) -> list[Record]:
        """What the journal is to keep."""
        return [
            Record(revision, key, None if now is None else now.value)
            for revision, key, now, _ in self.events
        ]

    def add(self, event: Event) -> None:
        events, now = self.events, event.now
        events.append(event)
        if now is not None:
            self.bytes += len(now.value)
        if len(events) >= BATCH_MOST_WRITES or self.bytes >= BATCH_MOST_BYTES:
            self.full = True
