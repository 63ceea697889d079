"""Copies of a store's file: made while it is written to, and put back while it is not.

A backup is the state of one moment. After a restore the revision must not come near any that a
client may have seen, or its watches and caches would take old for new. What was written after the
backup is not known, so the counter jumps far ahead and everything before the jump counts as
compacted: watches get Compacted and list again (upstream: `etcdutl snapshot restore
--bump-revision --mark-compacted`). Single versions keep their revisions.

These functions block; they are for a command line, or for a process of their own.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from k8slite.store import database
from k8slite.store.database import CorruptStore

# How far a restore moves the counter on: more than what could be written since any backup (at
# 2,000 writes a second it lasts for five days), and at least one more than the file that it
# replaces had. Upstream's advice for etcd is the same number.
BUMP_REVISIONS: Final = 1_000_000_000

# How long sqlite waits for a lock that the store's process holds for a moment.
_BUSY_SECONDS: Final = 10.0


def backup(path: Path | str, target: Path | str) -> int:
    """Copy the store in `path`, which may be in use, to a new file; returns its revision.

    The writer is not held up. Raises FileExistsError, CorruptStore (without a target) or OSError.
    """
    path, target = Path(path), Path(target)
    if target.exists():
        raise FileExistsError(f"{target} exists")
    fresh = database.beside(target, ".new")
    try:
        revision = _copy(path, fresh)
        database.install(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)
    return revision


def restore(source: Path | str, path: Path | str) -> int:
    """Put a backup in the place of the store in `path`; returns the revision that it goes on from.

    A crash half way leaves the former store or the restored one. Raises CorruptStore for a bad
    source, InUse, or OSError; the former store is untouched then.
    """
    source, path = Path(source), Path(path)
    fresh = database.beside(path, ".restored")
    with database.locked(path):
        try:
            revision = max(_copy(source, fresh) + BUMP_REVISIONS, _former(path) + 1)
            _move_on(fresh, revision)
            database.install(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)
    return revision


def _opened(path: Path) -> sqlite3.Connection:
    """A connection that may read along with a writer: that takes a writable connection too."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there")
    return sqlite3.connect(
        database.address(path, "rw"), uri=True, timeout=_BUSY_SECONDS, isolation_level=None
    )


def _copy(path: Path, fresh: Path) -> int:
    """Copy a store's present state to a new file and look at all of it; returns its revision.

    The file's header is read in the copy: reading it in a file that this process may have open
    would drop sqlite's locks. Raises CorruptStore.
    """
    try:
        with closing(_opened(path)) as connection:
            # Compact, complete and with our mark in its header; not yet synced.
            connection.execute("VACUUM INTO ?", (str(database.empty(fresh)),))
        database.check_header(fresh)
        with closing(_opened(fresh)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(1)")]
            if found != ["ok"]:
                raise CorruptStore(path, "; ".join(found))
            return _revision(connection)
    except CorruptStore as error:
        raise CorruptStore(path, error.why) from None
    except sqlite3.DatabaseError as error:
        if database.is_damage(error):
            raise CorruptStore(path, str(error)) from error
        raise


def _revision(connection: sqlite3.Connection) -> int:
    """The newest revision that the store in a file is known to have given out."""
    marks = dict(connection.execute(database.MARKS))
    (newest,) = connection.execute("SELECT coalesce(max(revision), 0) FROM log").fetchone()
    found: int = max(newest, marks.get("revision", 0), marks.get("oldest", 0))
    return found


def _former(path: Path) -> int:
    """The revision of a store that is going to be replaced; 0 where there is none to be read."""
    if not path.exists():
        return 0
    try:
        database.check_header(path)
        with closing(_opened(path)) as connection:
            return _revision(connection)
    except CorruptStore:
        return 0  # it may well be restored because it is damaged
    except sqlite3.DatabaseError as error:
        if database.is_damage(error):
            return 0
        raise


def _move_on(path: Path, revision: int) -> None:
    """Let the file's store go on from a revision, with all watches before it expired."""
    with closing(_opened(path)) as connection:
        connection.execute("BEGIN")
        connection.executemany(database.MARK, [("oldest", revision), ("revision", revision)])
        connection.execute("COMMIT")
