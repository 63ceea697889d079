"""What a record holds, and a store as it was at any moment of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from k8slite.live.recording import FILE, FORMAT
from k8slite.objects.codec import dumps, loads
from k8slite.objects.meta import parse_timestamp
from k8slite.store.history import Record
from k8slite.store.journaled import Loaded

Json = dict[str, Any]

_MINOR: Final = "1."


class BadRecord(Exception):
    """The directory holds no record that can be read; the text says why."""


@frozen
class Recorded:
    """A record, read."""

    minor: int  # of the Kubernetes version
    entries: Sequence[Json]

    @classmethod
    def read(cls, directory: Path) -> Recorded:
        """Raises BadRecord or OSError. The last line may be missing its end: a crash's work."""
        path = directory / FILE
        if not path.exists():
            raise BadRecord(f"{directory} holds no record: there is no {FILE}")
        entries = []
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True), 1):
            if not line.endswith(b"\n"):
                break
            try:
                entries.append(loads(line))
            except ValueError as error:
                raise BadRecord(f"{path}, line {number}: {error}") from None
        head = entries[0] if entries and isinstance(entries[0], dict) else {}
        if head.get("type") != "cluster" or head.get("format") != FORMAT:
            raise BadRecord(f"{path} is no record of this version of k8slite")
        return cls(int(head["version"].removeprefix(_MINOR)), entries)

    @property
    def commits(self) -> Iterator[Json]:
        """In order."""
        return (one for one in self.entries if one["type"] == "commit")

    def until(self, revision: int | None = None, moment: datetime | None = None) -> Past:
        """The state at a revision, at a moment, or at the end. Raises BadRecord."""
        chosen = []
        for one in self.commits:
            if revision is not None and one["revision"] > revision:
                break
            if moment is not None and parse_timestamp(one["time"]) > moment:
                break
            chosen.append(one)
        if not chosen:
            raise BadRecord("the record begins later")
        return Past(tuple(chosen), self.entries[0]["revision"])


@frozen
class Past:
    """The commits up to a moment; a Journal that takes nothing more."""

    _commits: Sequence[Json]
    _begin: int  # the revision up to which there is no history

    @property
    def revision(self) -> int:
        """The last one."""
        found: int = self._commits[-1]["revision"]
        return found

    @property
    def moment(self) -> datetime:
        """When it was committed."""
        return parse_timestamp(self._commits[-1]["time"])

    async def load(self) -> Loaded:
        """All of it. What was there when the record began has no history."""
        records = []
        for one in self._commits:
            value = one["value"]
            encoded = None if value is None else dumps(value)
            records.append(Record(one["revision"], one["key"], encoded))
        return Loaded(records, self.revision, self._begin)

    async def append(self, records: Sequence[Record]) -> None:
        """Nothing can be added. Raises OSError."""
        raise OSError("the past cannot be changed")

    async def compact(self, oldest: int, dead: Sequence[int]) -> None:
        """Nothing is forgotten."""
