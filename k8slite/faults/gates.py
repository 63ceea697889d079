"""A watch on its way to a subject: counted, held, cut, repeated or lost as the plan says."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Final

from k8slite.faults.plan import CutWatch, Fault, HoldWatch, LoseEvents, RepeatEvent
from k8slite.faults.storm import Storm
from k8slite.faults.subject import Subject
from k8slite.messages import Stream
from k8slite.objects.heartbeats import EVENT

# Lines that are no changes: bookmarks, and heartbeats without their objects.
_SILENT: Final = (b'{"type":"BOOKMARK"', b'{"type":"%b"' % EVENT.encode())
_EXPIRED: Final = (
    json.dumps(
        {
            "type": "ERROR",
            "object": {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": "The resourceVersion for the provided watch is too old.",
                "reason": "Expired",
                "code": 410,
            },
        }
    ).encode()
    + b"\n"
)

# Told of each event: resource, its number, its line.
Delivered = Callable[[str, int, bytes], None]


class Gate:
    """A Stream of watch events with faults in it."""

    def __init__(
        self,
        stream: Stream,
        life: Subject,
        resource: str,
        storm: Storm,
        connected: Callable[[], None],
        delivered: Delivered | None,
    ) -> None:
        """`connected` raises when the server at the other end is gone."""
        self._stream = stream
        self._life = life
        self._number = life.number
        self._resource = resource
        self._storm = storm
        self._connected = connected
        self._delivered = delivered
        self._lines: deque[bytes] = deque()
        self._judged = False  # the first line has been counted
        self._hold_seconds = 0.0  # before the first line goes on
        self._loses = False
        self._end: bytes | None = None

    def hold(self, seconds: float) -> None:
        """Bring nothing for so long."""
        self._hold_seconds = seconds

    async def receive(self) -> bytes:
        """The next lines; b"" at the end."""
        life, storm = self._life, self._storm
        while True:
            if self._hold_seconds:
                await storm.last(self._hold_seconds)
                self._hold_seconds = 0.0
                if self._loses:
                    self._lines.clear()
                    self._end = _EXPIRED
            if self._end is not None:
                self._stream.close()
                end, self._end = self._end, b""
                return end
            if not self._lines:
                piece = await self._stream.receive()
                await life.alive(self._number)
                self._connected()
                if not piece:
                    return b""
                if not storm.watches(life.name, self._resource) and self._delivered is None:
                    self._count(_changes(piece))
                    return piece
                self._lines.extend(line + b"\n" for line in piece.split(b"\n") if line)
            passed = await self._pass()
            if passed:
                return passed

    def close(self) -> None:
        self._stream.close()

    async def _pass(self) -> bytes:
        """The lines up to the next fault."""
        passed: list[bytes] = []
        while self._lines:
            line = self._lines[0]
            if not self._judged and not line.startswith(_SILENT):
                self._count(1)
                await self._die_of_event()
                number = self._life.events[self._resource]
                if self._delivered is not None:
                    self._delivered(self._resource, number, line)
                self._judged = True
                for fault in self._storm.of_event(self._life.name, self._resource, number):
                    self._strike(fault, number)
            if self._hold_seconds or self._end is not None:
                break
            self._judged = False
            passed.append(self._lines.popleft())
        return b"".join(passed)

    def _strike(self, fault: Fault, number: int) -> None:
        which = f"event {number} of {self._resource} for {self._life.name}"
        if isinstance(fault, HoldWatch | LoseEvents):
            self._hold_seconds = fault.seconds
            self._loses = isinstance(fault, LoseEvents)
            how = "lost" if self._loses else "held"
            self._storm.strike(fault, f"from {which} on, what the watch brings is {how}")
        elif isinstance(fault, CutWatch):
            self._end = _EXPIRED if fault.expired else b""
            how = "with 410 Expired" if fault.expired else "without a word"
            self._storm.strike(fault, f"before {which} the watch ends {how}")
        elif isinstance(fault, RepeatEvent):
            self._lines.insert(1, self._lines[0])
            self._storm.strike(fault, f"{which} comes twice")

    def _count(self, changes: int) -> None:
        if not changes:
            return
        life = self._life
        life.events[self._resource] = life.events.get(self._resource, 0) + changes
        life.all_events += changes

    async def _die_of_event(self) -> None:
        life = self._life
        crash = self._storm.death_at(life.name, life.all_events)
        if crash is not None:
            self._storm.strike(crash, f"{life.name} crashes as its event {crash.event} arrives")
            life.crash(crash.down_seconds)
            await life.alive(self._number)


def _changes(piece: bytes) -> int:
    """How many of a piece's lines are changes."""
    if piece.count(b"\n") == 1:
        return 0 if piece.startswith(_SILENT) else 1
    return sum(1 for line in piece.split(b"\n") if line and not line.startswith(_SILENT))
