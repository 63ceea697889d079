"""A journal in memory that answers when it is told to."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from k8slite.store.history import Record
from k8slite.store.journaled import Loaded


class ImaginedDisk:
    """Keeps what was appended; `hold` makes batches wait, `failure` makes them fail."""

    def __init__(self) -> None:
        self.records: dict[int, Record] = {}
        self.oldest = 0
        self.batches: list[int] = []
        self.failure: Exception | None = None
        self._open = trio.Event()
        self._open.set()

    def hold(self) -> None:
        self._open = trio.Event()

    def release(self) -> None:
        self._open.set()

    async def load(self) -> Loaded:
        return Loaded([self.records[at] for at in sorted(self.records)], 0, self.oldest)

    async def append(self, records: Sequence[Record]) -> None:
        await self._open.wait()
        if self.failure is not None:
            raise self.failure
        self.batches.append(len(records))
        self.records.update({record.revision: record for record in records})

    async def compact(self, oldest: int, dead: Sequence[int]) -> None:
        await self._open.wait()
        if self.failure is not None:
            raise self.failure
        self.oldest = oldest
        for revision in dead:
            del self.records[revision]
