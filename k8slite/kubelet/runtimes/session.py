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
    ) -> None:
        self._stdin = stdin
        self._write = write
        self.sizes = sizes  # one each time the terminal gets another size
        self.tty = tty

    async def read(self) -> bytes:
        """What comes next on stdin; b"" at its end."""
        try:
            return await self._stdin.receive()
        except trio.EndOfChannel:
            return b""

    async def write(self, data: bytes) -> None:
        """To stdout."""
        await self._write(data, False)

    async def write_error(self, data: bytes) -> None:
        """To stderr, which on a terminal is the same."""
        await self._write(data, True)

    def writing(self, write: Callable[[bytes, bool], Awaitable[None]]) -> Session:
        """The same streams, but for what is written."""
        return Session(self._stdin, self.sizes, write, self.tty)
