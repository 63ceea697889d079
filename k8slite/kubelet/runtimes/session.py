"""What a command in a container is connected to: its three streams and perhaps a terminal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import trio


class ExecFailed(Exception):
    """The command could not be started, in the words of a container runtime."""


class Size(NamedTuple):
    """A terminal's, in characters."""

    width: int
    height: int


class Session:
    """The command's end of its streams."""

    def __init__(
        self,
        stdin: trio.MemoryReceiveChannel[bytes],
        sizes: trio.MemoryReceiveChannel[Size],
        write: Callable[[bytes, bool], Awaitable[None]],
        tty: bool,
        stopping: Callable[[], trio.Event] | None = None,
    ) -> None:
        self._stopping = stopping
        self._stdin = stdin
        self._read_ahead = b""
        self._write = write
        self.sizes = sizes  # one each time the terminal gets another size
        self.tty = tty

    async def stopped(self) -> None:
        """Wait until SIGTERM comes; who waits for it is not ended by it. Of a container's own
        command only: nobody sends it to others."""
        if self._stopping is None:
            await trio.sleep_forever()
        await self._stopping().wait()

    async def read(self) -> bytes:
        """What comes next on stdin; b"" at its end."""
        if self._read_ahead:
            found, self._read_ahead = self._read_ahead, b""
            return found
        try:
            return await self._stdin.receive()
        except trio.EndOfChannel:
            return b""

    async def read_line(self) -> tuple[bytes, bool]:
        """The next line of stdin, and whether it had an end."""
        line = b""
        while True:
            piece = await self.read()
            head, end, rest = piece.partition(b"\n")
            line += head
            self._read_ahead = rest
            if end or not piece:
                return line, bool(end)

    async def write(self, data: bytes) -> None:
        """To stdout."""
        await self._write(data, False)

    async def write_error(self, data: bytes) -> None:
        """To stderr, which on a terminal is the same."""
        await self._write(data, True)

    def writing(self, write: Callable[[bytes, bool], Awaitable[None]]) -> Session:
        """The same streams, but for what is written."""
        return Session(self._stdin, self.sizes, write, self.tty, self._stopping)

    def reading(self, stdin: trio.MemoryReceiveChannel[bytes]) -> Session:
        """The same streams, but for what is read."""
        return Session(stdin, self.sizes, self._write, self.tty, self._stopping)

    def close(self) -> None:
        """Nothing is read any more: who writes to it is told."""
        self._stdin.close()


def given(text: bytes) -> trio.MemoryReceiveChannel[bytes]:
    """An input that holds a text."""
    send, receive = trio.open_memory_channel[bytes](1)
    with send:
        if text:
            send.send_nowait(text)
    return receive


async def nowhere(data: bytes, error: bool) -> None:
    """Takes what is printed, and keeps nothing of it."""


def nothing(
    write: Callable[[bytes, bool], Awaitable[None]],
    stopping: Callable[[], trio.Event] | None = None,
) -> Session:
    """Streams of a command that nobody talks to, but that may print."""
    resized, sizes = trio.open_memory_channel[Size](0)
    resized.close()
    return Session(given(b""), sizes, write, False, stopping)
