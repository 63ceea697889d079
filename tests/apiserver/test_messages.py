"""Logs as messages of a WebSocket."""

from __future__ import annotations

import base64

import pytest
import trio
from attrs import define, evolve, field

from k8slite.apiserver.subresources.messages import by_messages
from k8slite.messages import Request, Response
from k8slite.objects.errors import BadRequest
from tests.apiserver.oracle_server import request, running

DEFAULT = "/api/v1/namespaces/default"


def asking(**headers: str) -> dict[str, str]:
    return {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        **headers,
    }


@define
class Wire:
    """A client that listens and says nothing, until it goes."""

    sent: bytearray = field(factory=bytearray)
    gone: trio.Event = field(factory=trio.Event)

    async def receive(self) -> bytes:
        await self.gone.wait()
        return b""

    async def send(self, data: bytes) -> None:
        self.sent += data


@define
class Endless:
    """A log that is followed."""

    closed: bool = False

    async def receive(self) -> bytes:
        await trio.sleep(1)
        return b"tick\n"

    def close(self) -> None:
        self.closed = True


def messages(sent: bytes) -> list[bytes]:
    """The binary messages before the end."""
    found, at = [], 0
    while sent[at] == 0x82:
        size = sent[at + 1]
        found.append(bytes(sent[at + 2 : at + 2 + size]))
        at += 2 + size
    assert sent[at] == 0x88
    return found


@pytest.mark.parametrize("protocol", ["", "binary.k8s.io", "base64.binary.k8s.io"])
async def test_a_log_is_read_by_messages(autojump_clock: object, protocol: str) -> None:
    async with running(nodes=1, scheduler=True) as server:
        container = {"name": "c", "image": "i", "command": ["sh", "-c", "echo hi; sleep 600"]}
        pod = {"metadata": {"name": "p"}, "spec": {"containers": [container]}}
        await trio.sleep(2)
        await server.create(f"{DEFAULT}/pods", pod)
        await trio.sleep(10)
        headers = asking(**{"sec-websocket-protocol": protocol} if protocol else {})
        asked = request("GET", f"{DEFAULT}/pods/p/log?container=c")
        asked = evolve(asked, headers={**asked.headers, **headers})
        response = await server.cluster.handler(asked)
        assert response.status == 101 and response.conversation is not None
        wire = Wire()
        await response.conversation(wire)
        expected = base64.b64encode(b"hi\n") if protocol.startswith("base64") else b"hi\n"
        assert messages(bytes(wire.sent)) == [expected]
        assert (dict(response.headers).get("Sec-WebSocket-Protocol") or "") == protocol


async def test_a_client_that_goes_ends_what_it_follows(autojump_clock: object) -> None:
    log, wire = Endless(), Wire()
    response = by_messages(Request("GET", "/", headers=asking()), Response(200, log))
    assert response.conversation is not None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(response.conversation, wire)
        await trio.sleep(2.5)
        wire.gone.set()
    assert messages(bytes(wire.sent)) == [b"tick\n", b"tick\n"] and log.closed


def test_a_protocol_that_nobody_knows_is_refused() -> None:
    log = Endless()
    headers = asking(**{"sec-websocket-protocol": "x.k8s.io"})
    with pytest.raises(BadRequest):
        by_messages(Request("GET", "/", headers=headers), Response(200, log))
    assert log.closed
