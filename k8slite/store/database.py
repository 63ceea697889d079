"""The sqlite file that a store lives in: its form, its lock, and whether it is ours at all.

Two tables. `log` has one row per write: revision, key, and the value, or NULL for a deletion; rows
that nothing needs any more are deleted by compaction. `marks` has `oldest` (what the last
compaction was told) and `revision` (at least this one was given out). The file's header names us
as the application and the schema's version, so that anything else is recognised before sqlite
touches it.

Who has a store open holds `flock` on a file beside it, `<path>.lock`, which stays there. Sqlite's
own locks are left to sqlite: a backup reads the file while another process writes it.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from k8slite.store.store import StoreError

INSERT: Final = "INSERT INTO log (revision, key, value) VALUES (?, ?, ?)"
DELETE: Final = "DELETE FROM log WHERE revision = ?"
SELECT: Final = "SELECT revision, key, value FROM log WHERE revision > ? ORDER BY revision LIMIT ?"
MARKS: Final = "SELECT name, value FROM marks"
MARK: Final = "INSERT OR REPLACE INTO marks (name, value) VALUES (?, ?)"


class CorruptStore(StoreError):
    """The file is not a store of ours, or not one that can be read; it was left as it is."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} is not a readable store: {why}")
        self.path = path
        self.why = why


class InUse(StoreError):
    """Another process, or this one, has the store open."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is in use")
        self.path = path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Have the store's file for oneself. Raises InUse at once, or OSError."""
    descriptor = os.open(beside(path, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(path) from None
        yield
    finally:
        os.close(descriptor)


def check_header(path: Path) -> None:
    """Raises CorruptStore if the file is not one of ours, OSError if it cannot be read.

    Only for a file that this process has not open: closing it would drop sqlite's locks.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header.startswith(_MAGIC) or len(header) < _HEADER_BYTES:
        raise CorruptStore(path, "it is not an sqlite database")
    if int.from_bytes(header[68:72]) != _APPLICATION_ID:
        raise CorruptStore(path, "it belongs to another application")
    version = int.from_bytes(header[60:64])
    if version != _SCHEMA_VERSION:
        raise CorruptStore(path, f"its schema is version {version}, not {_SCHEMA_VERSION}")


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether an error speaks of the file's content rather than of its surroundings."""
    return error.sqlite_errorcode & 0xFF in _DAMAGE


def address(path: Path, mode: str) -> str:
    """The URI under which sqlite opens the file: mode "ro" or "rw"; neither creates it."""
    return f"file:{quote(str(path.absolute()))}?mode={mode}"


def create(path: Path) -> None:
    """Make an empty store; a crash half way leaves no file, or a whole one."""
    fresh = empty(beside(path, ".new"))
    with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        connection.executescript(_SCHEMA)
    install(fresh, path)


def empty(path: Path) -> Path:
    """An empty file in place of whatever is there, for its owner only: a store holds secrets."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    return path


def install(fresh: Path, path: Path) -> None:
    """Put a finished, closed file in a store's place, for good."""
    for suffix in ("-wal", "-shm"):  # of a former file: sqlite would replay them onto this one
        beside(path, suffix).unlink(missing_ok=True)
    _sync(fresh)
    fresh.replace(path)
    _sync(path.parent)


def beside(path: Path, suffix: str) -> Path:
    """The file of that name with something appended."""
    return path.with_name(path.name + suffix)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# SQLITE_ERROR is a table that is not there.
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100
_APPLICATION_ID: Final = int.from_bytes(b"k8sl")
_SCHEMA_VERSION: Final = 1
# `auto_vacuum` comes first: it cannot be turned on once there is a table.
_SCHEMA: Final = f"""
PRAGMA synchronous = OFF;
PRAGMA auto_vacuum = INCREMENTAL;
BEGIN;
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_SCHEMA_VERSION};
CREATE TABLE log (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB);
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
COMMIT;
PRAGMA journal_mode = WAL;
"""
