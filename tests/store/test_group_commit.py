"""Writes that wait for the journal: order, conflicts, cancellation, failure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from k8slite.store import journaled
from k8slite.store.journaled import JournaledStore, open_journaled
from k8slite.store.store import Broken, Encode, KeyConflict

from .imagined_disk import ImaginedDisk


def text(value: str) -> Encode:
    return lambda revision: f"{value}@{revision}".encode()


class Writers:
    """Runs puts in the background and keeps what came of them."""

    def __init__(self, store: JournaledStore, nursery: trio.Nursery) -> None:
        self._store = store
        self._nursery = nursery
        self.outcomes: dict[str, object] = {}
        self.scopes: dict[str, trio.CancelScope] = {}

    def put(self, name: str, key: str, *, expect: int | None = None, delete: bool = False) -> None:
        self._nursery.start_soon(self._put, name, key, expect, delete)

    async def _put(self, name: str, key: str, expect: int | None, delete: bool) -> None:
        with trio.CancelScope() as scope:
            self.scopes[name] = scope
            try:
                value = None if delete else text(name)
                stored = await self._store.put(key, value, expect=expect)
                assert self._store.revision >= stored.revision
                self.outcomes[name] = stored.revision
            except (KeyConflict, Broken) as error:
                self.outcomes[name] = error


@asynccontextmanager
async def held() -> AsyncIterator[tuple[JournaledStore, ImaginedDisk, Writers]]:
    """A store with one batch on its way to a disk that does not answer."""
    disk = ImaginedDisk()
    async with open_journaled(disk) as store, trio.open_nursery() as nursery:
        disk.hold()
        writers = Writers(store, nursery)
        writers.put("first", "pods/a/first")
        await wait_all_tasks_blocked()
        yield store, disk, writers
        disk.release()


async def test_nothing_is_seen_before_it_is_durable() -> None:
    async with held() as (store, disk, writers):
        watch = store.watch("", after=0)
        assert (store.revision, store.count(""), len(watch.receive_nowait())) == (0, 0, 0)
        assert writers.outcomes == {}
        disk.release()
        assert [event.revision for event in await watch.receive()] == [1]
        await wait_all_tasks_blocked()
        assert writers.outcomes == {"first": 1}
        watch.close()


async def test_what_gathers_is_one_batch() -> None:
    async with held() as (store, disk, writers):
        for number in range(10):
            writers.put(f"{number}", f"pods/a/{number}")
        await wait_all_tasks_blocked()
        disk.release()
        await store.wait(11)
        assert disk.batches == [1, 10]
    assert sorted(writers.outcomes.values()) == [*range(1, 12)]  # type: ignore[type-var]


async def test_a_full_batch_makes_further_writers_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journaled, "BATCH_MOST_WRITES", 4)
    async with held() as (store, disk, writers):
        for number in range(10):
            writers.put(f"{number}", f"pods/a/{number}")
        await wait_all_tasks_blocked()
        disk.release()
        await store.wait(11)
        assert disk.batches == [1, 4, 4, 2]


async def test_a_loser_is_told_once_the_winner_is_published() -> None:
    async with held() as (store, disk, writers):
        writers.put("second", "pods/a/x")
        await wait_all_tasks_blocked()
        writers.put("loser", "pods/a/x", expect=0)
        await wait_all_tasks_blocked()
        assert "loser" not in writers.outcomes
        disk.release()
        await wait_all_tasks_blocked()
        conflict = writers.outcomes["loser"]
        assert isinstance(conflict, KeyConflict)
        assert conflict.actual == 2 == store.revision


async def test_writes_build_on_what_is_prepared() -> None:
    async with held() as (store, disk, writers):
        for name, expect, delete in (
            ("made", 0, False),
            ("changed", 2, False),
            ("gone", 3, True),
            ("again", 0, False),
        ):
            writers.put(name, "pods/a/x", expect=expect, delete=delete)
            await wait_all_tasks_blocked()
        watch = store.watch("pods/a/x", after=0)
        disk.release()
        events = await watch.receive()
        assert [(e.now and e.now.value, e.before and e.before.value) for e in events] == [
            (b"made@2", None),
            (b"changed@3", b"made@2"),
            (None, b"changed@3"),
            (b"again@5", None),
        ]
        watch.close()
    assert [writers.outcomes[name] for name in ("made", "changed", "gone", "again")] == [2, 3, 4, 5]


async def test_a_cancelled_writer_disturbs_nobody_and_is_published() -> None:
    async with held() as (store, disk, writers):
        for name in ("one", "two", "three"):
            writers.put(name, f"pods/a/{name}")
        await wait_all_tasks_blocked()
        writers.scopes["first"].cancel()
        writers.scopes["two"].cancel()
        await wait_all_tasks_blocked()
        disk.release()
        await store.wait(4)
        assert store.count("pods/") == 4
    assert set(writers.outcomes) == {"one", "three"}


async def test_a_failed_journal_breaks_writes_and_leaves_reads() -> None:
    async with held() as (store, disk, writers):
        writers.put("second", "pods/a/first")
        writers.put("loser", "pods/a/first", expect=77)
        await wait_all_tasks_blocked()
        disk.failure = OSError("the disk is full")
        disk.release()
        await wait_all_tasks_blocked()
        for name in ("first", "second", "loser"):
            assert isinstance(writers.outcomes[name], Broken)
        assert "OSError: the disk is full" in str(writers.outcomes["first"])
        for refused in (
            store.put("pods/a/z", text("v"), expect=None),
            store.wait(1),
            store.compact(0),
        ):
            with pytest.raises(Broken, match="the disk is full"):
                await refused
        assert (store.revision, store.get("pods/a/first"), store.count("")) == (0, None, 0)
        assert list(store.watch("", after=0).receive_nowait()) == []


async def test_leaving_waits_for_what_is_prepared() -> None:
    disk = ImaginedDisk()
    async with open_journaled(disk) as store:
        with trio.move_on_after(0):
            await store.put("pods/a/x", text("v"), expect=None)
        assert store.revision == 0
    assert store.revision == 1 == len(disk.records)
    with pytest.raises(Broken, match="closed"):
        await store.put("pods/a/y", text("v"), expect=None)


async def test_a_failure_inside_leaves_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with open_journaled(ImaginedDisk()):
            raise KeyError


async def test_compaction_forgets_only_what_nothing_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journaled, "COMPACT_STEP_RECORDS", 2)
    disk = ImaginedDisk()
    async with open_journaled(disk) as store:
        for number in range(10):
            await store.put(f"pods/a/{number % 3}", text("v"), expect=None)
        await store.put("pods/a/0", None, expect=None)
        await store.compact(9)
        # 8 and 9 are the newest at 9, 7 is what the change of revision 10 replaced.
        assert sorted(disk.records) == [7, 8, 9, 10, 11]
    async with open_journaled(disk) as store:
        assert (store.revision, store.oldest) == (11, 9)
        assert [item.revision for item in store.list("", at=9).items] == [7, 8, 9]
        assert [event.revision for event in store.watch("", after=9).receive_nowait()] == [10, 11]
        await store.compact(11)
        assert sorted(disk.records) == [8, 9]
        await store.put("pods/a/1", None, expect=8)
        await store.put("pods/a/2", None, expect=9)
        await store.compact(13)
        assert disk.records == {}
    async with open_journaled(disk) as store:
        assert store.revision == 13


async def test_an_interrupted_compaction_is_finished_after_a_restart() -> None:
    disk = ImaginedDisk()
    async with open_journaled(disk) as store:
        for _ in range(5):
            await store.put("pods/a/x", text("v"), expect=None)
    disk.oldest = 5  # the mark came through, the deletions did not
    async with open_journaled(disk) as store:
        assert store.oldest == 5
        await wait_all_tasks_blocked()
        assert sorted(disk.records) == [5]


async def test_a_compaction_that_is_cancelled_goes_on() -> None:
    disk = ImaginedDisk()
    async with open_journaled(disk) as store:
        for _ in range(5):
            await store.put("pods/a/x", text("v"), expect=None)
        disk.hold()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.compact, 5)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        disk.release()
        await wait_all_tasks_blocked()
        assert sorted(disk.records) == [5]
