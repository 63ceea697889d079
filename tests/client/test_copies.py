"""Objects that only tell that they live are noted, and made when somebody asks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import trio
import trio.testing

from k8slite.client.client import Client
from k8slite.client.informer import Mirror
from k8slite.client.resource import LEASES
from k8slite.kinds.coordination.models import Lease
from k8slite.messages import Request, Response
from k8slite.objects.codec import dumps
from k8slite.objects.meta import Name
from k8slite.sim.run import run
from k8slite.sim.world import SimulatedWorld
from tests.client.test_reading import lease

NAMESPACE = "kube-node-lease"


class Lines:
    """A watch that brings what it is given."""

    def __init__(self) -> None:
        self.send, self._receive = trio.open_memory_channel[bytes](100)

    async def receive(self) -> bytes:
        return await self._receive.receive()

    def close(self) -> None:
        """Nothing stands behind it."""


def beat(name: str, second: int, revision: int, holder: str = "node-1") -> bytes:
    """What a process remembers of one test's leases, of other names, concerns no other test."""
    return lease(f"2026-01-01T00:00:{second:02}", revision, name, holder)


class Played:
    """A mirror of leases, and what its subscribers hear."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.lines = Lines()
        self.mirror = Mirror(Client(self._handle), LEASES, Lease, world=world)
        self.changes: list[tuple[str, str]] = []
        self.beats: list[tuple[Name, datetime]] = []

    async def _handle(self, request: Request) -> Response:
        if request.parameter("watch"):
            return Response(200, self.lines)
        return Response(200, dumps({"metadata": {"resourceVersion": "1"}, "items": []}))

    def changed(self, old: Lease | None, new: Lease | None) -> None:
        before = old.metadata.resource_version if old else ""
        self.changes.append((before, new.metadata.resource_version if new else ""))

    async def bring(self, *lines: bytes) -> None:
        for line in lines:
            self.lines.send.send_nowait(line + b"\n")
        await trio.testing.wait_all_tasks_blocked()


def played(test: Any) -> None:
    async def main(world: SimulatedWorld) -> None:
        found = Played(world)
        async with trio.open_nursery() as nursery:
            await nursery.start(found.mirror.run)
            await test(found)
            nursery.cancel_scope.cancel()

    run(main)


def test_who_takes_heartbeats_as_such_is_told_of_those_alone() -> None:
    async def test(found: Played) -> None:
        mirror, name = found.mirror, Name(NAMESPACE, "first")
        mirror.subscribe(found.changed, beat=lambda name, at: found.beats.append((name, at)))
        await found.bring(*(beat("first", second, 10 + second) for second in range(4)))
        # The first line is decoded, the next one shows that it was a heartbeat's basis.
        assert found.changes == [("", "10"), ("10", "11")]
        told = [datetime(2026, 1, 1, 0, 0, second, 1, UTC) for second in (2, 3)]
        assert found.beats == [(name, at) for at in told]
        assert mirror.revision == 13
        shown = mirror.get(name)
        assert shown is not None
        assert (shown.metadata.resource_version, shown.spec.renew_time) == ("13", told[-1])
        assert mirror.document(name)["metadata"]["resourceVersion"] == "13"  # type: ignore[index]
        await found.bring(beat("first", 4, 14), beat("first", 5, 15, "node-2"))
        assert [one.metadata.resource_version for one in mirror.all()] == ["15"]
        assert found.changes[2:] == [("14", "15")]
        await found.bring(beat("first", 6, 16, "node-2"), beat("first", 7, 17))
        assert found.changes[3:] == [("15", "16"), ("16", "17")]

    played(test)


def test_a_lease_that_beat_and_went_is_gone() -> None:
    async def test(found: Played) -> None:
        found.mirror.subscribe(found.changed, beat=lambda name, at: None)
        lines = [beat("second", second, 20 + second) for second in range(3)]
        gone = beat("second", 2, 23).replace(b"MODIFIED", b"DELETED")
        await found.bring(*lines, gone)
        assert found.changes == [("", "20"), ("20", "21"), ("22", "")]
        assert found.mirror.get(Name(NAMESPACE, "second")) is None
        assert found.mirror.all() == []

    played(test)


def test_who_wants_all_changes_gets_a_chain() -> None:
    async def test(found: Played) -> None:
        found.mirror.subscribe(lambda old, new: None, beat=lambda name, at: None)
        found.mirror.subscribe(found.changed)
        await found.bring(*(beat("third", second, 30 + second) for second in range(4)))
        assert found.changes == [("", "30"), ("30", "31"), ("31", "32"), ("32", "33")]

    played(test)
