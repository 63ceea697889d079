"""A process that can die at any moment, stand still, and have a clock of its own.

Death is the loss of everything: the actors are cancelled wherever they are, nothing that they
still try reaches the network, and the next life makes them anew.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import trio
from attrs import define, field

from k8slite.actors import Actor, Supervisor
from k8slite.cluster import Process
from k8slite.faults.subject import Replica
from k8slite.world import World


@define(eq=False)
class OwnClock:
    """The world as a process sees it: its clock may be off."""

    _world: World
    ahead_seconds: float = 0.0

    @property
    def chance(self) -> random.Random:
        return self._world.chance

    def now(self) -> datetime:
        if not self.ahead_seconds:
            return self._world.now()
        return self._world.now() + timedelta(seconds=self.ahead_seconds)

    def uid(self) -> str:
        return self._world.uid()


@define(eq=False)
class Life:
    """One process, over all of its lives; a Subject."""

    name: str
    world: OwnClock
    number: int = 0  # of the life
    writes: int = 0
    events: dict[str, int] = field(factory=dict)  # by resource
    all_events: int = 0
    written_at: list[int] = field(factory=list)  # the last commit before each write
    replica: Replica | None = None
    actors: Sequence[Actor] = ()  # of the present life
    _awake: trio.Event | None = None
    _scope: trio.CancelScope = field(factory=trio.CancelScope)
    _down_seconds: float = 0.0
    _revive: trio.Event = field(factory=trio.Event)

    async def run(
        self,
        process: Process,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Live, die, and live again; started when the first life has synced."""
        started = False
        while True:
            self.number += 1
            self._revive = trio.Event()
            with trio.CancelScope() as self._scope:
                supervisor = Supervisor()
                async with trio.open_nursery() as nursery:
                    self.actors = process.actors()
                    for actor in self.actors:
                        await nursery.start(supervisor.keep, actor)
                    if not started:
                        started = True
                        task_status.started()
                    await trio.sleep_forever()
            with trio.move_on_after(self._down_seconds):
                await self._revive.wait()

    def crash(self, down_seconds: float) -> None:
        """Die now. Called by one of its own tasks, that task must not go on (see `gone`)."""
        self.number += 1  # what the old life still sends is nobody's
        self._down_seconds = down_seconds
        self._scope.cancel()

    def revive(self) -> None:
        """Do not stay down any longer."""
        self._revive.set()

    def pause(self) -> None:
        """Stand still."""
        if self._awake is None:
            self._awake = trio.Event()

    def wake(self) -> None:
        """Go on."""
        if self._awake is not None:
            self._awake.set()
            self._awake = None

    async def alive(self, number: int) -> None:
        """Go on once awake; never, in a life that has ended."""
        while self._awake is not None:
            await self._awake.wait()
        if number != self.number:
            await trio.sleep_forever()
