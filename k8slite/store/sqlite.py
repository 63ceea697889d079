"""The journal in an sqlite file, and the store that stands on it.

sqlite runs on aiosqlite's thread, which is reached through trio-asyncio: one hop for each batch,
which is one transaction. WAL with synchronous=FULL, so that what was committed survives power
loss. asyncio and its friends are imported when the first store is opened, not before.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import trio

from k8slite.store import database
from k8slite.store.database import CorruptStore, InUse
from k8slite.store.history import Record
from k8slite.store.journaled import JournaledStore, Loaded, open_journaled
from k8slite.store.watchers import BACKLOG_MOST_EVENTS

if TYPE_CHECKING:
    import aiosqlite

__all__ = ["CorruptStore", "InUse", "SqliteJournal", "open_sqlite"]

# Rows that one query of the start reads: bounds what is in memory twice.
LOAD_STEP_ROWS: Final = 10_000

# Pages given back to the file system after one step of a compaction.
VACUUM_STEP_PAGES: Final = 1_000

# How long sqlite waits for somebody else's lock, such as a backup's that begins or ends.
BUSY_SECONDS: Final = 10.0


@asynccontextmanager
async def open_sqlite(
    path: Path | str, *, backlog_events: int = BACKLOG_MOST_EVENTS
) -> AsyncIterator[JournaledStore]:
    """The store in a file, which is made if it is not there.

    Leaving waits for what has been prepared to be written. Raises CorruptStore, InUse or OSError.
    """
    import trio_asyncio

    path = Path(path)
    failure: Exception | None = None
    with database.locked(path):
        if path.exists() and path.stat().st_size:
            database.check_header(path)
        else:
            database.create(path)
        async with trio_asyncio.open_loop():
            try:
                async with (
                    open_journal(path) as journal,
                    open_journaled(journal, backlog_events=backlog_events) as store,
                ):
                    yield store
            except Exception as error:  # goes on below: the loop would wrap it in a group
                failure = error
    if failure is not None:
        raise failure


class SqliteJournal:
    """A `Journal` in an sqlite file. Made by `open_journal`."""

    def __init__(self, connection: aiosqlite.Connection, loaded: Loaded) -> None:
        """The connection was made with `Batches` as its class."""
        self._connection = connection
        self._loaded = loaded
        self._oldest = loaded.oldest

    async def load(self) -> Loaded:
        """What was in the file when it was opened."""
        loaded, self._loaded = self._loaded, Loaded((), 0, 0)  # not to be kept in memory
        return loaded

    async def append(self, records: Sequence[Record]) -> None:
        """Commit the records as one transaction. Raises what sqlite raises."""
        await _many(self._connection, database.INSERT, records)

    async def compact(self, oldest: int, dead: Sequence[int]) -> None:
        """Note the mark, then delete the rows. Raises what sqlite raises."""
        if oldest != self._oldest:
            await _many(self._connection, database.MARK, [("oldest", oldest)])
            self._oldest = oldest
        if dead:
            await _many(self._connection, database.DELETE, [(revision,) for revision in dead])
            await _script(self._connection, f"PRAGMA incremental_vacuum({VACUUM_STEP_PAGES})")


class Batches(sqlite3.Connection):
    """A connection whose `executemany` is a transaction, so that a batch needs a single hop."""

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """All of it or nothing, committed."""
        with self:
            return super().executemany(sql, parameters)


@asynccontextmanager
async def open_journal(path: Path) -> AsyncIterator[SqliteJournal]:
    """The journal in a file that is there, is ours and is locked. Raises CorruptStore."""
    # Read through a connection that cannot write: closing the last one that can brings the file
    # up to date, and a damaged file shall be left alone.
    async with _connected(path, "ro") as connection:
        try:
            loaded = await _load(connection)
        except _Malformed as error:
            raise CorruptStore(path, str(error)) from error
        except sqlite3.DatabaseError as error:
            if database.is_damage(error):
                raise CorruptStore(path, str(error)) from error
            raise
    async with _connected(path, "rw") as connection:
        for pragma in _PRAGMAS:
            await _rows(connection, pragma)
        yield SqliteJournal(connection, loaded)


class _Malformed(Exception):
    """A row or mark that no store of ours has written."""


async def _load(connection: aiosqlite.Connection) -> Loaded:
    marks = dict(await _rows(connection, database.MARKS))
    if not all(isinstance(mark, int) for mark in marks.values()):
        raise _Malformed("its marks are no numbers")
    records: list[Record] = []
    last = 0
    while rows := await _rows(connection, database.SELECT, (last, LOAD_STEP_ROWS)):
        for revision, key, value in rows:
            if not isinstance(key, str) or not (value is None or isinstance(value, bytes)):
                raise _Malformed(f"the row of revision {revision} has the wrong types")
            records.append(Record(revision, key, value))
        last = records[-1].revision
    return Loaded(records, marks.get("revision", 0), marks.get("oldest", 0))


@asynccontextmanager
async def _connected(path: Path, mode: str) -> AsyncIterator[aiosqlite.Connection]:
    from trio_asyncio import aio_as_trio

    address = database.address(path, mode)
    # Shielded, since a connection that is left half open or half closed leaves a thread behind;
    # each takes as long as sqlite's current call.
    with trio.CancelScope(shield=True):
        connection = await aio_as_trio(_connect)(address)
    try:
        yield connection
    finally:
        with trio.CancelScope(shield=True):
            await aio_as_trio(connection.close)()


async def _connect(address: str) -> aiosqlite.Connection:
    import aiosqlite

    return await aiosqlite.connect(address, uri=True, timeout=BUSY_SECONDS, factory=Batches)


async def _rows(
    connection: aiosqlite.Connection, sql: str, parameters: Sequence[Any] = ()
) -> list[Any]:
    """Run one statement and fetch all that it gives."""
    from trio_asyncio import aio_as_trio

    async def run() -> list[Any]:
        return list(await connection.execute_fetchall(sql, parameters))

    rows: list[Any] = await aio_as_trio(run)()
    return rows


async def _script(connection: aiosqlite.Connection, sql: str) -> None:
    """Run statements to their end: `execute` stops a pragma that gives no columns after its first
    step, which for `incremental_vacuum` is one page."""
    from trio_asyncio import aio_as_trio

    async def run() -> None:
        await connection.executescript(sql)

    await aio_as_trio(run)()


async def _many(connection: aiosqlite.Connection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run one statement for many rows, as one transaction."""
    from trio_asyncio import aio_as_trio

    async def run() -> None:
        await connection.executemany(sql, rows)

    await aio_as_trio(run)()


_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    # Apple's fsync leaves data in the drive's cache.
    "PRAGMA fullfsync = ON",
    # 16 MiB of log between two checkpoints, which hold up the writer.
    "PRAGMA wal_autocheckpoint = 4000",
    f"PRAGMA journal_size_limit = {64 * 1024 * 1024}",
)
