"""A file of lines that only its owner reads, and that is only added to: the audit log, a record.

It may be turned over: when it would grow beyond a size it is put aside under the time of that
moment, and those put aside go when there are too many, or when they are too old (as the library
`lumberjack` does it for upstream: audit.log -> audit-2026-01-02T15-04-05.000.log).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from attrs import frozen

MEGABYTE: Final = 1024 * 1024
_TIME: Final = "%Y-%m-%dT%H-%M-%S.%f"


@frozen
class Turnover:
    """When a file is put aside, and what is kept of those."""

    most_bytes: int = 100 * MEGABYTE  # upstream's where none is given
    most_files: int = 0  # put aside; 0: any number
    most_days: int = 0  # since it was put aside; 0: for ever


class Lines:
    """One such file."""

    def __init__(
        self,
        path: Path,
        *,
        turnover: Turnover | None = None,
        is_new: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Open it. Raises OSError, FileExistsError where it must be new and is not."""
        self._path, self._turnover, self._now = path, turnover, now
        self._open(os.O_EXCL if is_new else 0)

    def write(self, lines: bytes) -> None:
        """Add whole lines. Raises OSError."""
        turnover = self._turnover
        if turnover is not None and self._bytes and self._bytes + len(lines) > turnover.most_bytes:
            self._turn(turnover)
        self._bytes += len(lines)
        while lines:
            lines = lines[os.write(self._descriptor, lines) :]

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)

    def _open(self, more: int = 0) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | more
        self._descriptor = os.open(self._path, flags, 0o600)
        self._bytes = os.fstat(self._descriptor).st_size

    def _turn(self, turnover: Turnover) -> None:
        now = self._now()
        aside = self._path.with_name(f"{self._prefix}{now.strftime(_TIME)[:-3]}{self._path.suffix}")
        os.rename(self._path, aside)
        os.close(self._descriptor)
        self._open()
        kept = self._aside()
        if turnover.most_files:
            kept, gone = kept[-turnover.most_files :], kept[: -turnover.most_files]
        else:
            gone = []
        if turnover.most_days:
            oldest = now - timedelta(days=turnover.most_days)
            gone += [one for one in kept if one[0] < oldest]
        for _, path in gone:
            path.unlink(missing_ok=True)

    @property
    def _prefix(self) -> str:
        return f"{self._path.stem}-"

    def _aside(self) -> list[tuple[datetime, Path]]:
        """The files that were put aside, oldest first."""
        found = []
        for path in self._path.parent.iterdir():
            if path.suffix == self._path.suffix and path.stem.startswith(self._prefix):
                try:
                    when = datetime.strptime(path.stem.removeprefix(self._prefix), _TIME)
                except ValueError:
                    continue  # somebody else's
                found.append((when.replace(tzinfo=UTC), path))
        return sorted(found)
