"""Objects that only tell that they live are noted, and made when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import trio
import trio.testing

from k8slite.client.client import Client
from k8slite.client.informer import Mirror, unheard
from k8slite.client.resource import LEASES
from k8slite.kinds.coordination.models import Lease
from k8slite.messages import Request, Response
from k8slite.objects.codec import dumps
from k8slite.objects.heartbeats import EVENT, told_of
from k8slite.objects.meta import Name
from k8slite.sim.run import run
from k8slite.sim.world import SimulatedWorld

Json = dict[str, Any]

NAMESPACE = "kube-node-lease"


class Lines:
    """A watch that brings what it is given."""

    def __init__(self) -> None:
        self.send, self._receive = trio.open_memory_channel[bytes](100)

    async def receive(self) -> bytes:
        return await self._receive.receive()

    def close(self) -> None:
        """Nothing stands behind it."""


def lease(second: int, revision: int, name: str = "first", holder: str = "node-1") -> Json:
    moment = f"2026-01-01T00:00:{second:02}"
    metadata = {"resourceVersion": str(revision), "name": name, "namespace": NAMESPACE}
    metadata |= {"uid": f"uid of {name}", "creationTimestamp": "2026-01-01T00:00:00Z"}
    entries = [{"manager": "else", "time": "x"}, {"manager": "kubelet", "time": f"{moment}Z"}]
    spec = {"holderIdentity": holder, "renewTime": f"{moment}.000001Z"}
    head = {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1"}
    return {**head, "metadata": {**metadata, "managedFields": entries}, "spec": spec}


def change(kind: str, obj: Json) -> bytes:
    return dumps({"type": kind, "object": obj})


def beat(at: int, **revisions: int) -> bytes:
    moment = f"2026-01-01T00:00:{at:02}"
    told = {f"{NAMESPACE}/{name}": revision for name, revision in revisions.items()}
    return change(EVENT, told_of([f"{moment}Z", f"{moment}.000001Z"], told))


class Played:
    """A mirror of leases, and what its subscribers hear."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.lines = Lines()
        self.asked: list[str] = []
        client = Client(self._handle, wired=False)
        self.mirror = Mirror(client, LEASES, Lease, world=world)
        self.changes: list[tuple[str, str]] = []
        self.beats: list[tuple[str, int, datetime]] = []

    async def _handle(self, request: Request) -> Response:
        if request.parameter("watch"):
            self.asked.append(request.parameter("heartbeats"))
            return Response(200, self.lines)
        return Response(200, dumps({"metadata": {"resourceVersion": "1"}, "items": []}))

    def changed(self, old: Lease | None, new: Lease | None) -> None:
        before = old.metadata.resource_version if old else ""
        self.changes.append((before, new.metadata.resource_version if new else ""))

    def live(self, told: Mapping[Name, int], moment: datetime) -> None:
        self.beats += [(name.name, revision, moment) for name, revision in told.items()]

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
        mirror.subscribe(found.changed, beat=found.live)
        await found.bring(
            change("ADDED", lease(0, 10)),
            change("ADDED", lease(0, 11, "second")),
            beat(1, first=12, second=13),
            beat(2, first=14, unknown=15),
        )
        assert found.asked == ["together"]
        assert found.changes == [("", "10"), ("", "11")]
        told = [datetime(2026, 1, 1, 0, 0, second, 1, UTC) for second in (1, 2)]
        assert found.beats == [
            ("first", 12, told[0]),
            ("second", 13, told[0]),
            ("first", 14, told[1]),
            ("unknown", 15, told[1]),
        ]
        assert mirror.revision == 15
        assert mirror.document(name) == lease(2, 14)
        shown = mirror.get(name)
        assert shown is not None
        assert (shown.metadata.resource_version, shown.spec.renew_time) == ("14", told[1])
        assert [one.metadata.resource_version for one in mirror.all()] == ["14", "13"]
        await found.bring(beat(3, first=14), beat(4, first=16))
        assert found.beats[4:] == [("first", 16, datetime(2026, 1, 1, 0, 0, 4, 1, UTC))]
        await found.bring(change("MODIFIED", lease(5, 17, holder="node-2")), beat(6, first=18))
        assert found.changes[2:] == [("16", "17")]
        assert mirror.document(name) == lease(6, 18, holder="node-2")

    played(test)


def test_a_lease_that_beat_and_went_is_gone() -> None:
    async def test(found: Played) -> None:
        found.mirror.subscribe(found.changed, beat=unheard)
        await found.bring(
            change("ADDED", lease(0, 20)), beat(1, first=21), change("DELETED", lease(1, 22))
        )
        assert found.changes == [("", "20"), ("21", "")]
        assert found.mirror.get(Name(NAMESPACE, "first")) is None
        assert found.mirror.all() == []
        await found.bring(change("ADDED", lease(2, 23)))
        assert found.mirror.document(Name(NAMESPACE, "first")) == lease(2, 23)

    played(test)


def test_who_wants_all_changes_gets_a_chain() -> None:
    async def test(found: Played) -> None:
        found.mirror.subscribe(lambda old, new: None, beat=found.live)
        found.mirror.subscribe(found.changed)
        await found.bring(change("ADDED", lease(0, 30)), beat(1, first=31), beat(2, first=32))
        assert found.changes == [("", "30"), ("30", "31"), ("31", "32")]
        assert found.beats == []

    played(test)


def test_an_index_shows_what_is_newest() -> None:
    async def test(found: Played) -> None:
        found.mirror.subscribe(lambda old, new: None, beat=found.live)
        found.mirror.add_index("holder", lambda one: (one.spec.holder_identity,))
        await found.bring(change("ADDED", lease(0, 40)), beat(1, first=41))
        (shown,) = found.mirror.indexed("holder", "node-1")
        assert shown.metadata.resource_version == "41"

    played(test)
