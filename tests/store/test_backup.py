"""Backups of a store that is being written, and their restoration."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
import trio

from k8slite.store.backup import BUMP_REVISIONS, backup, restore
from k8slite.store.sqlite import CorruptStore, InUse, open_sqlite
from k8slite.store.store import Compacted, Store

ROOT = Path(__file__).resolve().parents[2]


async def fill(path: Path, count: int) -> None:
    async with open_sqlite(path) as store:
        for number in range(count):
            await put(store, number)


async def put(store: Store, number: int) -> None:
    await store.put(f"pods/a/{number % 50}", lambda r: b"%d" % r, expect=None)


async def test_a_backup_from_another_process_is_one_moment_of_a_busy_store(tmp_path: Path) -> None:
    path, target = tmp_path / "store.db", tmp_path / "backup.db"
    program = "import sys; from k8slite.store.backup import backup; print(backup(*sys.argv[1:]))"
    async with open_sqlite(path) as store:
        for number in range(100):
            await put(store, number)
        written = 0
        async with trio.open_nursery() as nursery:

            async def write() -> None:
                nonlocal written
                while True:
                    await put(store, written)
                    written += 1

            nursery.start_soon(write)
            process = await trio.run_process(
                [sys.executable, "-c", program, str(path), str(target)],
                capture_stdout=True,
                cwd=ROOT,
            )
            nursery.cancel_scope.cancel()
        assert written
    revision = int(process.stdout)
    assert 100 <= revision <= store.revision
    assert target.stat().st_mode & 0o077 == 0
    async with open_sqlite(target) as copy:
        assert (copy.revision, copy.count("")) == (revision, 50)
        events = copy.watch("", after=0).receive_nowait()
        assert [e.revision for e in events] == [*range(1, revision + 1)]


def test_a_restored_store_goes_on_far_above_what_anybody_has_seen(tmp_path: Path) -> None:
    path, target = tmp_path / "store.db", tmp_path / "backup.db"
    trio.run(fill, path, 60)
    assert backup(path, target) == 60
    trio.run(fill, path, 10)
    assert restore(target, path) == 60 + BUMP_REVISIONS
    assert restore(target, path) == 60 + BUMP_REVISIONS + 1  # the former one had that much

    async def check() -> None:
        for _ in range(2):
            async with open_sqlite(path) as store:
                assert store.count("") == 50
                assert sorted(item.revision for item in store.list("").items) == [*range(11, 61)]
                assert store.revision == store.oldest == 61 + BUMP_REVISIONS
                with pytest.raises(Compacted):
                    store.watch("", after=70)
        async with open_sqlite(path) as store:
            await put(store, 1)
            assert store.revision == 62 + BUMP_REVISIONS
            await store.compact(store.revision)

    trio.run(check)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM log").fetchone() == (50,)
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)


def test_restoring_to_a_new_place_or_over_a_damaged_store(tmp_path: Path) -> None:
    path, target, elsewhere = (tmp_path / name for name in ("s.db", "b.db", "new.db"))
    trio.run(fill, path, 5)
    backup(path, target)
    path.write_bytes(b"damaged")
    for place in (path, elsewhere):
        assert restore(target, place) == 5 + BUMP_REVISIONS
        trio.run(fill, place, 1)


async def test_a_store_in_use_is_not_replaced(tmp_path: Path) -> None:
    path, target = tmp_path / "store.db", tmp_path / "backup.db"
    async with open_sqlite(path) as store:
        await put(store, 1)
        assert backup(path, target) == 1
        with pytest.raises(InUse):
            restore(target, path)
        await put(store, 2)
    async with open_sqlite(path) as store:
        assert store.revision == 2


def test_a_bad_source_replaces_nothing(tmp_path: Path) -> None:
    path, source = tmp_path / "store.db", tmp_path / "backup.db"
    trio.run(fill, path, 5)
    content = path.read_bytes()
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("CREATE TABLE mine (precious TEXT)")
    for damage in (None, b"", b"garbage" * 1000, content[:9000]):
        if damage is not None:
            source.write_bytes(damage)
        with pytest.raises(CorruptStore, match=r"backup\.db"):
            restore(source, path)
        with pytest.raises(CorruptStore, match=r"backup\.db"):
            backup(source, tmp_path / "copy.db")
    with pytest.raises(FileNotFoundError):
        restore(tmp_path / "nothing.db", path)
    with pytest.raises(FileExistsError):
        backup(path, source)
    assert path.read_bytes() == content
    assert sorted(child.name for child in tmp_path.iterdir()) == [
        "backup.db",
        "store.db",
        "store.db.lock",
    ]
