"""Faults of commits that last on a subject: it stands still, or reads the past."""

from __future__ import annotations

from typing import Protocol

import trio

from k8slite.faults.plan import Pause, StaleReads
from k8slite.faults.storm import Storm
from k8slite.faults.subject import Replica, Subject


class Stoppable(Subject, Protocol):
    """A subject that can be made to stand still."""

    def pause(self) -> None:
        """Stand still."""
        ...

    def wake(self) -> None:
        """Go on."""
        ...


async def last_on(subject: Stoppable, fault: Pause | StaleReads, storm: Storm) -> None:
    """Carry out a fault, and undo it when it is over."""
    if isinstance(fault, Pause):
        storm.strike(fault, f"{subject.name} stands still for {fault.seconds:g} s")
        subject.pause()
        await storm.last(fault.seconds)
        subject.wake()
        return
    revision = storm.frozen[fault.commit]
    what = f"{subject.name} reads a replica that stopped at revision {revision}"
    storm.strike(fault, f"{what}, for {fault.seconds:g} s")
    subject.replica = Replica(revision, trio.current_time() + fault.seconds)
    await storm.last(fault.seconds)
