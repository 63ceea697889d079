"""A TCP or Unix stream with as few system calls and task switches per message as can be.

It behaves as `trio.SocketStream`, with one difference: `send_all` does not reach a checkpoint when
the kernel takes everything at once. Whoever sends in a loop must reach one by himself.
"""

from __future__ import annotations

import os
import select
import socket

import trio
from trio.abc import HalfCloseableStream

from k8slite.wire.limits import KEEP_ALIVE_PROBE_SECONDS, READ_BYTES

Piece = bytes | bytearray | memoryview


class SocketTransport(HalfCloseableStream):
    """Wraps a `trio.SocketStream`, which it owns from then on."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._socket = stream.socket
        _probe_silent_peers(stream)

    @property
    def peer_address(self) -> str:
        """`host:port` in Go's form, `@` for a Unix socket, "" when the peer has gone already."""
        try:
            name = self._socket.getpeername()
        except OSError:
            return ""
        if not isinstance(name, tuple):
            return "@"
        host, port = name[0], name[1]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """The next bytes, b"" at the end. Raises like `trio.SocketStream.receive_some`."""
        while True:
            descriptor = self._descriptor()
            # Waiting first saves the read that would mostly say "not yet": a peer that was just
            # answered needs a moment.
            await trio.lowlevel.wait_readable(descriptor)
            try:
                return os.read(descriptor, max_bytes or READ_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                raise trio.BrokenResourceError(str(error)) from error

    async def send_all(self, data: Piece) -> None:
        """Send everything. Raises like `trio.SocketStream.send_all`."""
        sent = self.send_now(data)
        if sent < len(data):
            await self._stream.send_all(memoryview(data)[sent:])

    def send_now(self, data: Piece) -> int:
        """Hand over what the kernel takes at once; returns the number of bytes."""
        try:
            return os.write(self._descriptor(), data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise trio.BrokenResourceError(str(error)) from error

    async def wait_send_all_might_not_block(self) -> None:
        """See `trio.abc.SendStream`."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Say that no more will be sent; receiving goes on."""
        await self._stream.send_eof()

    def readable(self) -> bool:
        """Whether a read would return now: on an idle connection, a sign that it is stale."""
        poll = select.poll()
        poll.register(self._descriptor(), select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close at once; tasks that wait for it get `trio.ClosedResourceError`."""
        self._socket.close()

    async def aclose(self) -> None:
        """Close, with a checkpoint."""
        await self._stream.aclose()

    def _descriptor(self) -> int:
        # Asked for anew each time: after a close the number may be somebody else's.
        descriptor = self._socket.fileno()
        if descriptor < 0:
            raise trio.ClosedResourceError("this connection was closed")
        return descriptor


def _probe_silent_peers(stream: trio.SocketStream) -> None:
    if stream.socket.family == socket.AF_UNIX:
        return
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in _PROBE_OPTIONS:
        stream.setsockopt(socket.IPPROTO_TCP, option, KEEP_ALIVE_PROBE_SECONDS)


# Idle time before the first probe, and between two of them; named differently by some systems.
_PROBE_OPTIONS = [
    getattr(socket, name) for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL") if hasattr(socket, name)
]
