"""The store's file: restarts, damage, locks, bounded size."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import trio

from k8slite.store.database import beside
from k8slite.store.sqlite import CorruptStore, InUse, open_sqlite
from k8slite.store.store import Broken, Compacted, Store


async def fill(store: Store, count: int, size_bytes: int = 10) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(count):

            async def put(key: str) -> None:
                await store.put(key, lambda _: b"v" * size_bytes, expect=None)

            nursery.start_soon(put, f"pods/a/{number:06}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a store?.db"  # sqlite gets it as a URI


async def test_everything_is_there_after_a_restart(path: Path) -> None:
    async with open_sqlite(path) as store:
        await fill(store, 20)
        await store.put("pods/a/000003", None, expect=None)
        await store.put("pods/a/\N{SNOWMAN}\0", lambda _: bytes(range(256)), expect=None)
        before = {item.key: (item.revision, item.value) for item in store.list("").items}
    async with open_sqlite(str(path)) as store:
        assert (store.revision, store.oldest) == (22, 0)
        assert {i.key: (i.revision, i.value) for i in store.list("").items} == before
        assert len(store.list("", at=20).items) == 20
        watch = store.watch("", after=20)
        gone, made = watch.receive_nowait()
        assert (gone.now, gone.before and gone.before.value) == (None, b"v" * 10)
        assert (made.now and made.now.value, made.before) == (bytes(range(256)), None)
        assert (await store.put("pods/a/z", lambda _: b"", expect=0)).revision == 23


async def test_the_window_of_watches_outlives_a_restart(path: Path) -> None:
    async with open_sqlite(path) as store:
        await fill(store, 10)
        await store.compact(6)
    async with open_sqlite(path) as store:
        assert store.oldest == 6
        assert [e.revision for e in store.watch("", after=6).receive_nowait()] == [7, 8, 9, 10]
        with pytest.raises(Compacted):
            store.watch("", after=5)


async def test_the_revision_never_goes_back_even_with_nothing_left(path: Path) -> None:
    async with open_sqlite(path) as store:
        await store.put("pods/a/x", lambda _: b"v", expect=0)
        await store.put("pods/a/x", None, expect=1)
        await store.compact(2)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM log").fetchone() == (0,)
    async with open_sqlite(path) as store:
        assert (store.revision, store.oldest) == (2, 2)
        assert (await store.put("pods/a/x", lambda _: b"v", expect=0)).revision == 3


async def test_a_store_is_opened_once_at_a_time(path: Path) -> None:
    async with open_sqlite(path) as store:
        with pytest.raises(InUse, match="in use"):
            async with open_sqlite(path):
                pass
        program = (
            "import trio, sys; from k8slite.store.sqlite import open_sqlite, InUse\n"
            "async def main():\n"
            "    try:\n"
            "        async with open_sqlite(sys.argv[1]): print('opened')\n"
            "    except InUse: print('in use')\n"
            "trio.run(main)"
        )
        found = await trio.run_process(
            [sys.executable, "-c", program, str(path)], capture_stdout=True
        )
        assert found.stdout == b"in use\n"
        await fill(store, 1)


def garbage(path: Path) -> None:
    path.write_bytes(b"apiVersion: v1\nkind: List\n" * 100)


def short(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0")


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (precious TEXT)")


def newer(path: Path) -> None:
    trio.run(_stored, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")


def truncated(path: Path) -> None:
    trio.run(_stored, path)
    path.write_bytes(path.read_bytes()[:20_000])


def scribbled(path: Path) -> None:
    trio.run(_stored, path)
    content = bytearray(path.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = b"\xa5" * 200
    path.write_bytes(content)


def without_table(path: Path) -> None:
    trio.run(_stored, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE log")


def wrong_types(path: Path) -> None:
    trio.run(_stored, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE log SET value = 'text' WHERE revision = 7")
        connection.commit()


async def _stored(path: Path) -> None:
    async with open_sqlite(path) as store:
        await fill(store, 100, 1000)


@pytest.mark.parametrize(
    "damage",
    [garbage, short, foreign, newer, truncated, scribbled, without_table, wrong_types],
    ids=lambda damage: damage.__name__,
)
def test_a_file_that_cannot_be_read_is_refused_and_left_alone(
    path: Path, damage: Callable[[Path], None]
) -> None:
    async def open_it() -> None:
        async with open_sqlite(path):
            pass

    damage(path)
    content = path.read_bytes()
    for _ in range(2):
        with pytest.raises(CorruptStore) as caught:
            trio.run(open_it)
        assert caught.value.path == path
        assert caught.value.why in str(caught.value)
        assert path.read_bytes() == content


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def size_bytes(path: Path) -> int:
    return path.stat().st_size


@pytest.fixture
def left_over(path: Path) -> None:
    path.touch()
    beside(path, "-wal").write_bytes(b"left over")


@pytest.mark.usefixtures("left_over")
async def test_an_empty_file_becomes_a_store_for_its_owner_only(path: Path) -> None:
    async with open_sqlite(path) as store:
        await fill(store, 1)
        assert mode(path) == 0o600
        assert mode(beside(path, "-wal")) == 0o600


async def test_what_sqlite_says_breaks_the_store(path: Path) -> None:
    async with open_sqlite(path) as store:
        await fill(store, 3)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("INSERT INTO log VALUES (4, 'pods/a/x', x'00')")
            connection.commit()
        with pytest.raises(Broken, match="IntegrityError"):
            await fill_one(store)
        assert (store.revision, store.count("")) == (3, 3)


async def fill_one(store: Store) -> None:
    await store.put("pods/a/one", lambda _: b"v", expect=None)


async def test_being_cancelled_in_the_middle_leaves_a_whole_store(path: Path) -> None:
    for round_number in range(5):
        with trio.CancelScope() as scope:
            async with open_sqlite(path) as store, trio.open_nursery() as nursery:
                assert store.revision >= 50 * round_number
                nursery.start_soon(fill, store, 1000)
                await store.wait(store.revision + 50)
                scope.cancel()
    async with open_sqlite(path) as store:
        assert [e.revision for e in store.watch("", after=0).receive_nowait()] == [
            *range(1, store.revision + 1)
        ]


async def test_the_file_stays_small_under_churn(path: Path) -> None:
    async with open_sqlite(path) as store:
        for _ in range(20):
            await fill(store, 200, 2000)  # 400 kB each
            await store.compact(store.revision)
        for number in range(200):
            if number % 10:
                await store.put(f"pods/a/{number:06}", None, expect=None)
        await store.compact(store.revision)
    assert size_bytes(path) < 400_000
    async with open_sqlite(path) as store:
        assert store.count("") == 20


def test_the_store_in_memory_does_without_asyncio() -> None:
    program = (
        "import sys; import k8slite.store.memory, k8slite.store.sqlite\n"
        "assert not {'asyncio', 'aiosqlite', 'trio_asyncio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
