"""The store of a simulated cluster: the real one over an imagined disk, watched by the checks.

A batch is on the disk when the disk has been asked to sync; a crash loses what was not. Whose
request led to a write is noted when the write is prepared, in the task of that request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, Final

import trio
from attrs import Factory, define, frozen

from k8slite.store.history import Record
from k8slite.store.journaled import JournaledStore, Loaded
from k8slite.store.store import Encode, Event, Stored


@frozen
class Writer:
    """Whose request is being served."""

    process: str = ""
    request: str = ""  # method and path
    user: str = ""  # the name that authentication knows
    repeated: bool = False  # it arrived before, and arrives once more


NOBODY: Final = Writer()
WRITER: ContextVar[Writer] = ContextVar("whose request is being served", default=NOBODY)

Watching = Callable[[Event, Writer], None]


@define(eq=False)
class Disk:
    """A Journal in memory. What was appended but not synced is lost by a crash."""

    _synced: dict[int, Record] = Factory(dict)
    _oldest: int = 0
    _life: int = 0

    def crash(self) -> None:
        """Who is writing now writes no more."""
        self._life += 1

    async def load(self) -> Loaded:
        """What has reached the disk."""
        return Loaded([self._synced[at] for at in sorted(self._synced)], 0, self._oldest)

    async def append(self, records: Sequence[Record]) -> None:
        """Write and sync. Raises OSError if the machine died meanwhile."""
        life = self._life
        await trio.lowlevel.checkpoint()  # until here nothing is safe
        if life != self._life:
            raise OSError("the machine died before the sync")
        self._synced.update({record.revision: record for record in records})

    async def compact(self, oldest: int, dead: Sequence[int]) -> None:
        """Forget old records."""
        await trio.lowlevel.checkpoint()
        self._oldest = oldest
        for revision in dead:
            self._synced.pop(revision, None)


class SimulatedStore(JournaledStore):
    """Tells of each commit, in order, before anybody else can have seen it."""

    def __init__(self, disk: Disk, watching: Watching) -> None:
        super().__init__(disk)
        self._watching = watching
        self._writers: dict[int, Writer] = {}  # by revision, until published

    def die(self) -> None:
        """The process is gone, and with it every connection that a watch went over."""
        self._watchers.close()

    def _change(
        self, revision: int, key: str, value: Encode | None, before: Stored | None, header: Any
    ) -> tuple[Event, Stored]:
        self._writers[revision] = WRITER.get()
        return super()._change(revision, key, value, before, header)

    def _tell(self, events: Sequence[Event]) -> None:
        for event in events:
            self._watching(event, self._writers.pop(event.revision))
        super()._tell(events)
