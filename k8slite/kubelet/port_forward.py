"""Forwarded ports on one connection, in all the ways that clients ask for them.

    portforward.k8s.io            over SPDY: older clients, and those of client-go; each forwarded
                                  connection has a stream for its data and one for its errors
    SPDY/3.1+portforward.k8s.io   kubectl: the same within a WebSocket's messages
    v4.channel.k8s.io             over WebSocket: client libraries; ports in the query; two channels
                                  for each, of which the first message holds the port's number

Upstream: `apiserver/pkg/endpoints/handlers/... portforward`, `client-go/transport/spdy` tunnelled
(KEP-4006), and `kubelet/pkg/cri/streaming/portforward/websocket.go`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import trio
from attrs import define, field, frozen

from k8slite.messages import Duplex, Response
from k8slite.wire import spdy_connection
from k8slite.wire.spdy import Data, NotSpdy, Opened
from k8slite.wire.spdy_connection import SpdyConnection
from k8slite.wire.websocket import NORMAL, PROTOCOL_ERROR, BrokenRule, WebSocket, accepting

TUNNEL: Final = "SPDY/3.1+portforward.k8s.io"
CHANNELS: Final = "v4.channel.k8s.io"
PROTOCOLS: Final = (TUNNEL, CHANNELS)
STREAMS: Final = "portforward.k8s.io"
# Pieces from the client that may wait for a port; then everything of the connection waits.
_PIECES: Final = 64

# Connects a Duplex with a port until one of them ends. Raises OSError where nobody listens.
Connect = Callable[[int, Duplex], Awaitable[None]]


def answer(
    headers: Mapping[str, str], protocol: str, ports: Sequence[int], connect: Connect
) -> Response:
    """The answer that begins the conversation."""

    async def converse(duplex: Duplex) -> None:
        socket = WebSocket(duplex)
        talk: _Tunnel | _Channels = _Channels(socket, ports, connect)
        if protocol == TUNNEL:
            talk = _Tunnel(SpdyConnection(_Messages(socket)), connect)
        async with trio.open_nursery() as nursery:
            try:
                await talk.run(nursery)
            except (BrokenRule, NotSpdy) as error:
                await socket.close(getattr(error, "code", PROTOCOL_ERROR), str(error))
            nursery.cancel_scope.cancel()
        await socket.close(NORMAL)

    return Response(101, b"", accepting(headers, protocol), converse)


def answer_spdy(connect: Connect) -> Response:
    """The same for a client that speaks SPDY."""

    async def converse(duplex: Duplex) -> None:
        async with trio.open_nursery() as nursery:
            with suppress(NotSpdy):
                await _Tunnel(SpdyConnection(duplex), connect).run(nursery)
            nursery.cancel_scope.cancel()

    return Response(101, b"", spdy_connection.accepting(STREAMS), converse)


@frozen
class _Messages:
    """A WebSocket's messages as one stream of bytes (a `k8slite.messages.Duplex`)."""

    socket: WebSocket

    async def receive(self) -> bytes:
        message = await self.socket.receive()
        while message == b"":
            message = await self.socket.receive()
        return message or b""

    async def send(self, data: bytes) -> None:
        await self.socket.send(data)


@define(eq=False)
class _Pipe:
    """A port's end of a forwarded connection (a `k8slite.messages.Duplex`)."""

    write: Callable[[bytes], Awaitable[None]]
    incoming: trio.MemorySendChannel[bytes] = field(init=False)
    _outgoing: trio.MemoryReceiveChannel[bytes] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.incoming, self._outgoing = trio.open_memory_channel[bytes](_PIECES)

    async def receive(self) -> bytes:
        try:
            return await self._outgoing.receive()
        except trio.EndOfChannel:
            return b""

    async def send(self, data: bytes) -> None:
        await self.write(data)

    async def give(self, data: bytes) -> None:
        """Bytes from the client."""
        try:
            await self.incoming.send(data)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            pass  # the port has had enough

    def close(self) -> None:
        """No more will be received; what has been is left to be read."""
        self._outgoing.close()


class _Channels:
    """Two numbered channels a port."""

    def __init__(self, socket: WebSocket, ports: Sequence[int], connect: Connect) -> None:
        self._socket = socket
        self._ports = ports
        self._open = len(ports)
        self._connect = connect

    async def run(self, nursery: trio.Nursery) -> None:
        """Until the client has gone."""
        pipes = [_Pipe(partial(self._send, 2 * at)) for at, _ in enumerate(self._ports)]
        for at, (port, pipe) in enumerate(zip(self._ports, pipes, strict=True)):
            await self._send(2 * at, port.to_bytes(2, "little"))
            await self._send(2 * at + 1, port.to_bytes(2, "little"))
            nursery.start_soon(self._forward, at, port, pipe)
        while (message := await self._socket.receive()) is not None:
            at, is_error = divmod(message[0], 2) if message else (0, 1)
            if not is_error and at < len(pipes) and len(message) > 1:
                await pipes[at].give(message[1:])

    async def _send(self, channel: int, data: bytes) -> None:
        await self._socket.send(bytes((channel,)) + data)

    async def _forward(self, at: int, port: int, pipe: _Pipe) -> None:
        try:
            await self._connect(port, pipe)
        except OSError as error:
            await self._send(2 * at + 1, str(error).encode())
        pipe.close()
        self._open -= 1
        if not self._open:
            await self._socket.close(NORMAL)


@define(eq=False)
class _Connection:
    """What belongs together: `requestID` of both streams is the same."""

    port: int
    error_stream: int = 0
    data_stream: int = 0


class _Tunnel:
    """Streams of SPDY."""

    def __init__(self, spdy: SpdyConnection, connect: Connect) -> None:
        self._spdy = spdy
        self._connect = connect
        self._connections: dict[str, _Connection] = {}  # by requestID, until both streams are there
        self._pipes: dict[int, _Pipe] = {}  # by data stream

    async def run(self, nursery: trio.Nursery) -> None:
        """Until the client has gone."""
        while (frame := await self._spdy.receive()) is not None:
            if isinstance(frame, Opened):
                await self._open(frame, nursery)
            elif isinstance(frame, Data):
                await self._data(frame)
            else:
                self._end(frame.stream)

    async def _open(self, frame: Opened, nursery: trio.Nursery) -> None:
        await self._spdy.accept(frame.stream)
        headers = frame.headers
        request, kind = headers.get("requestid", ""), headers.get("streamtype", "")
        port = headers.get("port", "")
        if not port.isdecimal() or kind not in ("error", "data"):
            raise NotSpdy(f"a stream of type {kind!r} for port {port!r}")
        known = self._connections.setdefault(request, _Connection(int(port)))
        if kind == "error":
            known.error_stream = frame.stream
        else:
            known.data_stream = frame.stream
            self._pipes[frame.stream] = _Pipe(partial(self._spdy.send, frame.stream))
        if known.error_stream and known.data_stream:
            del self._connections[request]
            nursery.start_soon(self._forward, known)

    async def _forward(self, connection: _Connection) -> None:
        pipe = self._pipes[connection.data_stream]
        try:
            await self._connect(connection.port, pipe)
        except OSError as error:
            await self._spdy.send(connection.error_stream, str(error).encode())
        pipe.close()
        self._pipes.pop(connection.data_stream, None)
        for stream in (connection.data_stream, connection.error_stream):
            await self._spdy.end(stream)

    async def _data(self, frame: Data) -> None:
        pipe = self._pipes.get(frame.stream)
        if pipe is not None and frame.payload:
            await pipe.give(frame.payload)
        if frame.ended:
            self._end(frame.stream)

    def _end(self, stream: int) -> None:
        pipe = self._pipes.get(stream)
        if pipe is not None:
            pipe.incoming.close()
