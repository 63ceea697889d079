"""What every store promises, checked against each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from k8slite.store.memory import MemoryStore
from k8slite.store.sqlite import open_sqlite
from k8slite.store.store import Compacted, Encode, FutureRevision, KeyConflict, Put, Store

Opened = Callable[[], AbstractAsyncContextManager[Store]]


@pytest.fixture(params=["memory", "sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    if request.param == "sqlite":
        return lambda: open_sqlite(tmp_path / "store.db", backlog_events=20)

    @asynccontextmanager
    async def memory() -> AsyncIterator[MemoryStore]:
        yield MemoryStore(backlog_events=20)

    return memory


def text(value: str) -> Encode:
    return lambda revision: f"{value}@{revision}".encode()


def keys(page: Any) -> list[str]:
    return [item.key for item in page.items]


async def fill(store: Store, *names: str) -> None:
    for name in names:
        await store.put(name, text("v"), expect=0)


async def test_a_write_takes_the_next_revision_and_can_be_read(opened: Opened) -> None:
    async with opened() as store:
        assert (store.revision, store.oldest, store.get("pods/a/x")) == (0, 0, None)
        made = await store.put("pods/a/x", text("one"), expect=0, header="h")
        assert (made.revision, made.value, made.header) == (1, b"one@1", "h")
        assert store.get("pods/a/x") is made
        changed = await store.put("pods/a/x", text("two"), expect=1)
        assert (changed.revision, changed.value) == (2, b"two@2")
        assert store.revision == 2


async def test_a_deletion_gives_the_last_value_under_its_own_revision(opened: Opened) -> None:
    async with opened() as store:
        await store.put("pods/a/x", text("one"), expect=None, header="h")
        gone = await store.put("pods/a/x", None, expect=1)
        assert (gone.revision, gone.value, gone.header) == (2, b"one@1", "h")
        assert store.get("pods/a/x") is None
        assert store.count("") == 0
        again = await store.put("pods/a/x", text("new"), expect=0)
        assert again.revision == 3


@pytest.mark.parametrize("expect", [0, 2, 99])
async def test_a_wrong_expectation_changes_nothing(opened: Opened, expect: int) -> None:
    async with opened() as store:
        await store.put("pods/a/x", text("one"), expect=None)
        with pytest.raises(KeyConflict) as caught:
            await store.put("pods/a/x", text("two"), expect=expect)
        assert (caught.value.expected, caught.value.actual) == (expect, 1)
        assert store.revision == 1


@pytest.mark.parametrize("expect", [None, 0, 7])
async def test_what_is_absent_cannot_be_deleted(opened: Opened, expect: int | None) -> None:
    async with opened() as store:
        with pytest.raises(KeyConflict) as caught:
            await store.put("pods/a/x", None, expect=expect)
        assert caught.value.actual == 0
        assert store.revision == 0


async def test_a_value_that_cannot_be_encoded_takes_no_revision(opened: Opened) -> None:
    def fail(_: int) -> bytes:
        raise ValueError("no")

    async with opened() as store:
        with pytest.raises(ValueError, match="no"):
            await store.put("pods/a/x", fail, expect=None)
        assert (await store.put("pods/a/x", text("v"), expect=None)).revision == 1


async def test_of_many_racers_one_wins_and_losers_see_its_write(opened: Opened) -> None:
    outcomes: list[int] = []
    async with opened() as store, trio.open_nursery() as nursery:

        async def race() -> None:
            try:
                outcomes.append((await store.put("pods/a/x", text("v"), expect=0)).revision)
            except KeyConflict as conflict:
                found = store.get("pods/a/x")
                assert found is not None
                assert found.revision == conflict.actual
                outcomes.append(0)

        for _ in range(8):
            nursery.start_soon(race)
    assert sorted(outcomes) == [0] * 7 + [1]


async def test_lists_are_ordered_by_key_and_bounded_by_prefix(opened: Opened) -> None:
    async with opened() as store:
        await fill(store, "pods/b/x", "pods/a/y", "pods/a/x", "apps.pods/a/x", "pods2/a/x", "po")
        assert keys(store.list("pods/")) == ["pods/a/x", "pods/a/y", "pods/b/x"]
        assert keys(store.list("pods/a/")) == ["pods/a/x", "pods/a/y"]
        assert keys(store.list("pods")) == ["pods/a/x", "pods/a/y", "pods/b/x", "pods2/a/x"]
        everything = store.list("")
        assert keys(everything) == sorted(keys(everything))
        assert store.count("") == 6 == len(everything.items)
        assert (store.count("pods/"), store.count("nodes/")) == (3, 0)
        assert keys(store.list("pods/", start="pods/a/y")) == ["pods/a/y", "pods/b/x"]


async def test_the_pages_of_a_list_are_one_snapshot(opened: Opened) -> None:
    names = [f"pods/a/{number}" for number in range(7)]
    async with opened() as store:
        await fill(store, *names)
        first = store.list("pods/", limit=3)
        assert (keys(first), first.remaining, first.next_start) == (names[:3], 4, names[3])
        await store.put(names[3], None, expect=None)  # deleted: still in the snapshot
        await store.put(names[4], text("changed"), expect=None)
        await fill(store, "pods/a/45")  # created: not in it
        second = store.list("pods/", at=first.revision, limit=3, start=first.next_start)
        assert (keys(second), second.remaining) == (names[3:6], 1)
        assert [item.value for item in second.items] == [b"v@4", b"v@5", b"v@6"]
        last = store.list("pods/", at=first.revision, limit=3, start=second.next_start)
        assert (keys(last), last.remaining, last.next_start) == (names[6:], 0, "")
        assert last.revision == first.revision
        await store.compact(store.revision)
        with pytest.raises(Compacted):
            store.list("pods/", at=first.revision, limit=3, start=second.next_start)


async def test_a_watch_gives_each_change_once_and_in_order(opened: Opened) -> None:
    async with opened() as store:
        await fill(store, "pods/a/x", "pods/b/x")
        watch = store.watch("pods/a/", after=1)
        assert list(watch.receive_nowait()) == []
        await fill(store, "pods/a/y", "nodes/n")
        await store.put("pods/a/x", text("w"), expect=None)
        await store.put("pods/a/x", None, expect=None)
        assert watch.revision == 2
        events = await watch.receive()
        assert [event.revision for event in events] == [3, 5, 6]
        assert watch.revision == 6
        created, changed, gone = events
        assert (created.before, created.now) == (None, store.get("pods/a/y"))
        assert (changed.before.value, changed.now.value) == (b"v@1", b"w@5")  # type: ignore[union-attr]
        assert (gone.before, gone.now) == (changed.now, None)
        await fill(store, "nodes/m")
        assert watch.revision == 7
        watch.close()


async def test_a_watch_resumes_from_any_revision_that_is_kept(opened: Opened) -> None:
    async with opened() as store:
        await fill(store, *(f"pods/a/{number}" for number in range(5)))
        for after in range(6):
            watch = store.watch("", after=after)
            assert [event.revision for event in watch.receive_nowait()] == [*range(after + 1, 6)]
            watch.close()
        await store.compact(3)
        with pytest.raises(Compacted) as caught:
            store.watch("pods/", after=2)
        assert (caught.value.revision, caught.value.oldest) == (2, 3)
        watch = store.watch("pods/", after=3)
        assert [event.revision for event in await watch.receive()] == [4, 5]
        watch.close()
        with pytest.raises(FutureRevision):
            store.watch("pods/", after=6)
        with pytest.raises(FutureRevision):
            store.list("pods/", at=6)
        with pytest.raises(FutureRevision):
            await store.compact(6)


async def test_a_waiting_watch_is_woken_by_a_change_and_by_its_end(opened: Opened) -> None:
    got: list[int] = []
    async with opened() as store, trio.open_nursery() as nursery:
        watch = store.watch("pods/", after=0)

        async def follow() -> None:
            with pytest.raises(trio.EndOfChannel):
                while True:
                    got.extend([event.revision for event in await watch.receive()])

        nursery.start_soon(follow)
        await trio.testing.wait_all_tasks_blocked()
        await fill(store, "pods/a/x")
        await trio.testing.wait_all_tasks_blocked()
        assert got == [1]
        with pytest.raises(trio.BusyResourceError):
            await watch.receive()
        watch.close()
        watch.close()


async def test_a_slow_watch_gets_what_it_has_and_then_its_end(opened: Opened) -> None:
    async with opened() as store:
        slow, quick = store.watch("pods/", after=0), store.watch("pods/", after=0)
        seen = 0
        for number in range(25):
            await fill(store, f"pods/a/{number}")
            seen += len(quick.receive_nowait())
        assert seen == 25
        assert [event.revision for event in await slow.receive()] == [*range(1, 22)]
        assert slow.revision == 21
        with pytest.raises(trio.EndOfChannel):
            slow.receive_nowait()
        with pytest.raises(trio.EndOfChannel):
            await slow.receive()
        slow.close()
        quick.close()


async def test_waiting_for_a_revision(opened: Opened) -> None:
    async with opened() as store, trio.open_nursery() as nursery:
        await store.wait(0)
        done: list[int] = []

        async def wait(revision: int) -> None:
            await store.wait(revision)
            done.append(revision)

        nursery.start_soon(wait, 2)
        nursery.start_soon(wait, 1)
        await fill(store, "pods/a/x")
        await trio.testing.wait_all_tasks_blocked()
        assert done == [1]
        await fill(store, "pods/a/y")


async def test_compaction_keeps_what_is_newest(opened: Opened) -> None:
    async with opened() as store:
        await fill(store, "pods/a/x", "pods/a/y", "pods/a/z")
        await store.put("pods/a/x", text("w"), expect=None)
        await store.put("pods/a/y", None, expect=None)
        await store.compact(5)
        await store.compact(2)  # nothing to do
        assert store.oldest == 5
        assert [item.value for item in store.list("").items] == [b"w@4", b"v@3"]
        assert [item.value for item in store.list("", at=5).items] == [b"w@4", b"v@3"]


@pytest.mark.parametrize(
    ("expected", "actual", "message"),
    [
        (0, 1, "pods/a/x is at revision 1, not absent"),
        (2, 1, "pods/a/x is at revision 1, not at revision 2"),
        (2, 0, "pods/a/x is absent, not at revision 2"),
        (None, 0, "pods/a/x is absent"),
        (0, 0, "pods/a/x is absent"),
    ],
)
def test_a_conflict_says_what_is_there(expected: int | None, actual: int, message: str) -> None:
    assert str(KeyConflict("pods/a/x", expected, actual)) == message


async def test_several_writes_are_each_for_itself(opened: Opened) -> None:
    async with opened() as store:
        await fill(store, "a/1", "a/2")
        watch = store.watch("a/", after=2)
        done = await store.put_all(
            [
                Put("a/1", text("new"), 1, "h"),
                Put("a/2", text("late"), 1),  # it is at 2
                Put("a/3", text("made"), 0),
                Put("a/4", None, None),  # there is none
                Put("a/2", None, 2),
                Put("a/3", text("again"), 4),  # as this very call has left it
            ]
        )
        found = [one and (one.revision, one.value) for one in done]
        assert found == [
            (3, b"new@3"),
            None,
            (4, b"made@4"),
            None,
            (5, b"v@2"),
            (6, b"again@6"),
        ]
        assert [event.revision for event in watch.receive_nowait()] == [3, 4, 5, 6]
        assert store.get("a/1") is done[0] and done[0] is not None and done[0].header == "h"
        assert keys(store.list("a/")) == ["a/1", "a/3"]
        assert await store.put_all([]) == []


async def test_many_writes_at_once_are_more_than_one_batch(opened: Opened) -> None:
    async with opened() as store:
        done = await store.put_all([Put(f"a/{n:04}", text("v"), 0) for n in range(2500)])
        assert [one.revision for one in done if one] == list(range(1, 2501))
        assert store.count("a/") == 2500
