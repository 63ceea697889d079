"""The streams of a container's own process: what `kubectl attach` and `kubectl run -i` reach.

Whoever is attached sees what it prints from then on; what they type goes to the one stdin that a
container has, if its spec says `stdin`. With `stdinOnce` it ends with the first who was attached.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from k8slite.kubelet.pod import Container
from k8slite.kubelet.runtimes.session import Session, Size

# Pieces that may wait to be read; then whoever types waits.
_PIECES: Final = 16


class Terminal:
    """One container's streams."""

    def __init__(self, container: Container) -> None:
        self._once = container.stdin_once
        self._tty = container.tty
        self._stdin, self._given = trio.open_memory_channel[bytes](_PIECES)
        self._sizes, self._resized = trio.open_memory_channel[Size](math.inf)
        self._attached: list[Session] = []

    def session(
        self,
        write: Callable[[bytes, bool], Awaitable[None]],
        stopping: Callable[[], trio.Event] | None = None,
    ) -> Session:
        """The process' end; `write` is where it prints."""
        return Session(self._given, self._resized, write, self._tty, stopping)

    async def write(self, data: bytes, error: bool) -> None:
        """What the process prints, for everybody who is attached."""
        if self._tty:
            data = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        for session in list(self._attached):
            await (session.write_error(data) if error else session.write(data))

    async def show(self, session: Session) -> None:
        """Have a client see what is printed, until it is cancelled."""
        self._attached.append(session)
        try:
            await trio.sleep_forever()
        finally:
            self._attached.remove(session)

    async def listen(self, session: Session) -> None:
        """Have what a client types typed here."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._resize, session)
            try:
                while piece := await session.read():
                    await self._stdin.send(piece)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # the process has closed it, or it had ended
            nursery.cancel_scope.cancel()
        if self._once:
            self._stdin.close()

    async def _resize(self, session: Session) -> None:
        async for size in session.sizes:
            self._sizes.send_nowait(size)
