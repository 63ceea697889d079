"""Heartbeats at common instants: what many nodes have to say goes out in one message.

Nodes are put into groups; the nodes of a group speak together every 10 seconds, the groups one
after the other within them. A node that has something new to say, or whose heartbeat is declined,
speaks for itself (see `heartbeat`); so do all of them to a server that does not know the message.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import trio

from k8slite.client.client import Client
from k8slite.kubelet.heartbeat import RENEW_SECONDS, Heartbeat
from k8slite.kubelet.timers import Timers
from k8slite.kubelet.writing import Write, Writers
from k8slite.objects.codec import loads
from k8slite.objects.errors import Forbidden, MethodNotAllowed, NotFound
from k8slite.objects.heartbeats import PATH, Told
from k8slite.objects.meta import Name, micro_timestamp
from k8slite.world import World

# The instants within the 10 seconds at which some group speaks: with 5,000 nodes each message is
# about 500, some ten milliseconds of work for everybody who watches.
GROUPS: Final = 10
# The next group is begun when one has so many nodes: a small cluster has one message to send.
GROUP_NODES: Final = 64


class Pulses:
    """All groups of a fleet."""

    def __init__(self, client: Client, world: World, timers: Timers, writers: Writers) -> None:
        self._client = client
        self._world = world
        self._timers = timers
        self._writers = writers
        self._groups: list[_Pulse] = []
        self._nodes = 0
        self._heartbeats: dict[str, Heartbeat] = {}

    def add(self, heartbeat: Heartbeat) -> None:
        """From now on it is told, until it is removed."""
        number = self._nodes // GROUP_NODES % GROUPS
        self._nodes += 1
        if number == len(self._groups):
            pulse = _Pulse(self._client, self._world, self._writers.queue)
            self._groups.append(pulse)
            self._beat(pulse, number * RENEW_SECONDS / GROUPS)
        name = heartbeat.shape.name
        self._heartbeats[name] = self._groups[number].members[name] = heartbeat

    def remove(self, name: str) -> None:
        """A node that is no more has nothing to tell."""
        self._heartbeats.pop(name, None)
        for pulse in self._groups:
            pulse.members.pop(name, None)

    def told(self, told: Mapping[Name, int], moment: datetime) -> None:
        """A mirror of Nodes shows that they live."""
        for name, revision in told.items():
            heartbeat = self._heartbeats.get(name.name)
            if heartbeat is not None:
                heartbeat.told(revision)

    def _beat(self, pulse: _Pulse, phase_seconds: float) -> None:
        """Speak at the next instant that is the group's, and at all that follow."""
        rounds = math.floor((trio.current_time() - phase_seconds) / RENEW_SECONDS) + 1

        def speak() -> None:
            self._writers.queue(pulse)
            self._beat(pulse, phase_seconds)

        self._timers.at(rounds * RENEW_SECONDS + phase_seconds, speak)


class _Pulse(Write):
    """One group."""

    def __init__(self, client: Client, world: World, queue: Callable[[Write], None]) -> None:
        super().__init__()
        self.members: dict[str, Heartbeat] = {}
        self._client = client
        self._world = world
        self._queue = queue
        self._together = True  # as long as the server knows the message

    def __repr__(self) -> str:
        return f"heartbeats of {len(self.members)} nodes"

    async def write(self) -> None:
        now = trio.current_time()
        speaking: list[tuple[str, Heartbeat]] = []
        leases: dict[str, str] = {}
        nodes: dict[str, str] = {}
        for name, one in self.members.items():
            if not one.speaks:
                continue
            speaking.append((name, one))
            if version := one.lease_version:
                leases[name] = version
            if one.status_due_seconds <= now and (version := one.status_version):
                nodes[name] = version
        renewed: Mapping[str, str | None] = {}
        told: Mapping[str, str | None] = {}
        if self._together and (leases or nodes):
            message = Told(micro_timestamp(self._world.now()), leases, nodes)
            try:
                response = await self._client.request("POST", PATH, body=message.dump())
            except (NotFound, Forbidden, MethodNotAllowed):
                self._together = False
            else:
                assert isinstance(response.body, bytes), "no stream"
                answers = loads(response.body)
                renewed, told = answers["leases"], answers["nodes"]
        for name, one in speaking:
            if one.beaten(now, renewed.get(name), told.get(name)):
                self._queue(one)
