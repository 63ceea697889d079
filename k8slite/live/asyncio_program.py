"""A container's coroutine that is of asyncio: a loop of its own, in a thread of its own.

When the container is to stop, the coroutine is cancelled, as asyncio does it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import trio

from k8slite.kubelet.runtimes.program import Input, Process, Program


def in_asyncio(program: Callable[[Process], Awaitable[int | None]]) -> Program:
    """The program as the cluster's own loop can run it."""

    async def run(process: Process) -> int | None:
        token, emit = trio.lowlevel.current_trio_token(), process.emit
        # It prints from a thread that is not the cluster's.
        process.emit = lambda text: token.run_sync_soon(emit, text)
        loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[int | None]]] = []
        begun = threading.Event()

        async def whole() -> int | None:
            task = asyncio.ensure_future(_coroutine(program, process))
            loops.append((asyncio.get_running_loop(), task))
            begun.set()
            return await task

        def blocking() -> int | None:
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                try:
                    return runner.run(whole())
                except asyncio.CancelledError:
                    return None

        def cancel() -> None:
            begun.wait()
            loop, task = loops[0]
            if not loop.is_closed():
                loop.call_soon_threadsafe(task.cancel)

        async with trio.open_nursery() as nursery:
            if process.stdin is not None:
                process.stdin = _Input(process.stdin, nursery, token)
            nursery.start_soon(_until_cancelled, cancel)
            with trio.CancelScope(shield=True):
                code = await trio.to_thread.run_sync(blocking)
            nursery.cancel_scope.cancel()
        return code

    return run


class _Input:
    """What is typed into a program of asyncio: read by trio when the program asks for it."""

    def __init__(self, typed: Input, nursery: trio.Nursery, token: trio.lowlevel.TrioToken) -> None:
        self._typed = typed
        self._nursery = nursery
        self._token = token
        # What was read is kept for who asks next, should who has asked be cancelled.
        self._pieces = asyncio.Queue[bytes]()
        self._asked = False

    async def read(self) -> bytes:
        """The next piece, in the program's own loop; b"" at the end."""
        if self._pieces.empty() and not self._asked:
            self._asked = True
            loop = asyncio.get_running_loop()
            self._token.run_sync_soon(self._nursery.start_soon, self._fetch, loop)
        return await self._pieces.get()

    async def _fetch(self, loop: asyncio.AbstractEventLoop) -> None:
        piece = await self._typed.read()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._arrived, piece)

    def _arrived(self, piece: bytes) -> None:
        self._asked = False
        self._pieces.put_nowait(piece)


async def _coroutine(
    program: Callable[[Process], Awaitable[int | None]], process: Process
) -> int | None:
    return await program(process)


async def _until_cancelled(cancel: Callable[[], None]) -> None:
    try:
        await trio.sleep_forever()
    except trio.Cancelled:
        cancel()
        raise
