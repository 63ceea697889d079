"""Whoever faults strike: a process of a simulation, or a client on the other side of a socket.

Counts are of what the subject did and got since the plan was armed. `number` is that of its life:
what an ended life has under way must not go on.
"""

from __future__ import annotations

from typing import Protocol

from attrs import frozen


@frozen
class Replica:
    """A read replica that stopped: what it shows, and until when."""

    revision: int
    until_seconds: float  # trio's clock


class Subject(Protocol):
    """What requests and watches on their way need to know of whose they are."""

    name: str
    number: int  # of the life
    writes: int
    events: dict[str, int]  # by resource
    all_events: int
    written_at: list[int]  # the last commit before each write
    replica: Replica | None

    def crash(self, down_seconds: float) -> None:
        """End this life now, and begin none for so long."""
        ...

    async def alive(self, number: int) -> None:
        """Go on once the subject does not stand still. In a life that has ended: never return."""
        ...
