"""Connections that leave HTTP on their way through a client: a proxy's both ends."""

from __future__ import annotations

import pytest
import trio

from k8slite.messages import Duplex, Handler, Request, Response
from k8slite.wire import ClientLimits, ConnectionFailed

from .serving import read_to_end, serving
from .test_client import client_of, scripted

SWITCHED = (("Upgrade", "shout"), ("Connection", "Upgrade"), ("X-Agreed", "yes"))
ASKED = {"upgrade": "shout", "x-more": "m"}
HEAD = b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n"


async def shouting(request: Request) -> Response:
    """Agrees to say everything louder, unless it is asked for something else."""
    await trio.lowlevel.checkpoint()
    if request.path == "/no":
        return Response(403, b"no")
    assert request.headers["connection"] == "Upgrade"

    async def talk(duplex: Duplex) -> None:
        await duplex.send(b"hello ")
        while data := await duplex.receive():
            await duplex.send(data.upper())
            if b"bye" in data:
                return

    return Response(101, b"", SWITCHED, talk)


def passing_to(client: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        return await client(Request("GET", request.path, (), ASKED))

    return handle


async def test_bytes_go_both_ways_through_a_proxy() -> None:
    async with client_of(shouting) as client, serving(passing_to(client)) as served:
        stream = served.connect()
        # What follows the request at once is not lost.
        await stream.send_all(HEAD + b"early ")
        heard = b""
        while b"EARLY " not in heard:
            heard += await stream.receive_some()
        head, _, rest = heard.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert b"Upgrade: shout" in head and b"X-Agreed: yes" in head
        assert rest == b"hello EARLY "
        await stream.send_all(b"and bye")
        assert await read_to_end(stream) == b"AND BYE"
        await stream.aclose()


async def test_either_end_may_hang_up() -> None:
    ended = trio.Event()

    async def listening(_request: Request) -> Response:
        await trio.lowlevel.checkpoint()

        async def talk(duplex: Duplex) -> None:
            assert await duplex.receive() == b""
            ended.set()

        return Response(101, b"", SWITCHED, talk)

    async with client_of(listening) as client, serving(passing_to(client)) as served:
        stream = served.connect()
        await stream.send_all(HEAD)
        assert b"101" in await stream.receive_some()
        await stream.aclose()
        with trio.fail_after(5):
            await ended.wait()


async def test_a_server_that_does_not_agree_answers() -> None:
    async with client_of(shouting) as client, serving(passing_to(client)) as served:
        answer = await served.exchange(HEAD.replace(b"/a", b"/no"))
        assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n") and b"no" in answer


async def test_connections_are_given_back() -> None:
    limits = ClientLimits(max_connections=1)
    async with client_of(shouting, limits=limits) as client:
        for _ in range(3):
            response = await client(Request("GET", "/a", (), ASKED))
            assert response.status == 101 and response.conversation is not None

            class Quiet:
                async def receive(self) -> bytes:
                    await trio.lowlevel.checkpoint()
                    return b""

                async def send(self, data: bytes) -> None:
                    await trio.lowlevel.checkpoint()

            await response.conversation(Quiet())


async def test_a_server_that_hangs_up_instead() -> None:
    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()

    async with scripted(hang_up) as client:
        with pytest.raises(ConnectionFailed):
            await client(Request("GET", "/a", (), ASKED))
