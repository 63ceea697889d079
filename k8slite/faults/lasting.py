"""Faults of commits that last: a subject stands still or reads the past, a node is cut off."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

import trio

from k8slite.faults.plan import PartitionNode, Pause, StaleReads
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


class Fleet(Protocol):
    """The nodes of a cluster."""

    @property
    def node_names(self) -> Collection[str]: ...

    def pause(self, name: str) -> None:
        """Let a node hear nothing and say nothing."""
        ...

    def resume(self, name: str) -> None:
        """Let it go on."""
        ...


async def cut_off(fleet: Callable[[], Fleet | None], fault: PartitionNode, storm: Storm) -> None:
    """Cut a node off for a while, if there is such a node; `fleet` says who has it now."""
    found = fleet()
    if found is None or fault.node not in found.node_names:
        return
    storm.strike(fault, f"{fault.node} is cut off for {fault.seconds:g} s")
    found.pause(fault.node)
    await storm.last(fault.seconds)
    if fleet() is found:  # a kubelet that was started anew knows of no cut
        found.resume(fault.node)


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
