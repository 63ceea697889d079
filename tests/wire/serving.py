"""A served Handler and raw connections to it, over memory streams."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import trio
import trio.testing
from attrs import define, field, frozen

from k8slite.messages import Handler, Request, Response
from k8slite.wire import Limits, Server, serve

MemoryStream = trio.StapledStream[trio.testing.MemorySendStream, trio.testing.MemoryReceiveStream]


class MemoryListener(trio.abc.Listener[MemoryStream]):
    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[MemoryStream](math.inf)

    def connect(self) -> MemoryStream:
        ours, theirs = trio.testing.memory_stream_pair()
        self._send.send_nowait(theirs)
        return ours

    async def accept(self) -> MemoryStream:
        return await self._receive.receive()

    async def aclose(self) -> None:
        self._receive.close()
        await trio.lowlevel.checkpoint()


@define
class Served:
    server: Server
    listener: MemoryListener

    def connect(self) -> MemoryStream:
        return self.listener.connect()

    async def exchange(self, *pieces: bytes) -> bytes:
        """Send the pieces, then the end; everything that comes back."""
        stream = self.connect()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send, stream, pieces)
            data = await read_to_end(stream)
        await stream.aclose()
        return data


async def send(stream: MemoryStream, pieces: tuple[bytes, ...]) -> None:
    try:
        for piece in pieces:
            await stream.send_all(piece)
            await trio.testing.wait_all_tasks_blocked()
        await stream.send_eof()
    except trio.BrokenResourceError:
        pass  # the server has closed already


async def read_to_end(stream: trio.abc.ReceiveStream) -> bytes:
    data = b""
    while piece := await stream.receive_some():
        data += piece
    return data


@asynccontextmanager
async def serving(handler: Handler, limits: Limits | None = None) -> AsyncIterator[Served]:
    listener = MemoryListener()
    async with trio.open_nursery() as nursery:
        server = await nursery.start(
            lambda task_status: serve(handler, [listener], limits=limits, task_status=task_status)
        )
        yield Served(server, listener)
        await server.stop(5)


@frozen
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def answers(data: bytes) -> list[Answer]:
    """Takes apart what a server sent: measured, chunked, or ended by closing."""
    found = []
    while data:
        head, mark, data = data.partition(b"\r\n\r\n")
        assert mark, head
        first, *lines = head.decode().split("\r\n")
        status = int(first.split(" ")[1])
        headers = {}
        for line in lines:
            name, _, value = line.partition(": ")
            assert name.lower() not in headers
            headers[name.lower()] = value
        if status < 200:
            continue
        if "content-length" in headers:
            length = int(headers["content-length"])
            body, data = data[:length], data[length:]
            assert len(body) == length
        elif headers.get("transfer-encoding") == "chunked":
            body, data = unchunk(data)
        else:
            body, data = data, b""
        found.append(Answer(status, headers, body))
    return found


def unchunk(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, mark, data = data.partition(b"\r\n")
        assert mark
        length = int(size, 16)
        body += data[:length]
        assert data[length : length + 2] == b"\r\n"
        data = data[length + 2 :]
        if not length:
            return body, data


@define
class Tape:
    """A response body that the test feeds piece by piece."""

    closed: int = 0
    _send: trio.MemorySendChannel[bytes] = field(init=False)
    _receive: trio.MemoryReceiveChannel[bytes] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[bytes](1000)

    def put(self, piece: bytes) -> None:
        self._send.send_nowait(piece)

    async def receive(self) -> bytes:
        try:
            return await self._receive.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            return b""

    def close(self) -> None:
        self.closed += 1
        self._receive.close()


async def echo(request: Request) -> Response:
    """What arrived, as JSON-like text."""
    text = f"{request.method} {request.path} {request.query} {request.body!r}"
    return Response(200, text.encode(), (("Content-Type", "text/plain"),))
