"""A trio loop in a thread of its own, for whoever has no such loop: blocking code, asyncio, tests.

What it hosts is an async context manager, entered before `open` returns and left by `close`. Calls
into it are async functions that run in the loop; the caller gets a Future, which blocking code
waits for and any event loop awaits. A Future that is cancelled cancels the call.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar, cast

import sniffio
import trio
from trio.abc import Clock

T = TypeVar("T")
H = TypeVar("H")

Hosting = Callable[[], AbstractAsyncContextManager[H]]


class Stopped(RuntimeError):
    """What was called runs no more."""


class Loop(Generic[H]):
    """The thread, and the way into it."""

    def __init__(self, name: str, hosting: Hosting[H], clock: Clock) -> None:
        self._name = name
        self._hosting = hosting
        self._clock = clock
        self._opened: Future[H] = Future()
        self._ended: Future[None] = Future()
        self._closing = trio.Event()
        self._token: trio.lowlevel.TrioToken | None = None
        self._nursery: trio.Nursery | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def open(self) -> Future[H]:
        """Start the thread; the Future is what is hosted, or why it could not begin."""
        self._thread.start()
        return self._opened

    def submit(self, function: Callable[..., Awaitable[T]], *arguments: Any) -> Future[T]:
        """Have an async function run in the loop. Raises Stopped where there is none."""
        future: Future[T] = Future()

        def begin() -> None:
            if self._nursery is None or self._closing.is_set():
                future.set_exception(self._stopped())
            else:
                self._nursery.start_soon(self._call, future, function, arguments)

        try:
            if self._token is None or self._ended.done():
                raise self._stopped()
            self._token.run_sync_soon(begin)
        except trio.RunFinishedError:
            raise self._stopped() from None
        return future

    def close(self) -> Future[None]:
        """Leave what is hosted and end the thread; the Future is done when both have happened."""
        if self._token is None:
            self._closing.set()  # nobody waits for it yet: it will be found so
            return self._ended
        try:
            self._token.run_sync_soon(self._closing.set)
        except trio.RunFinishedError:
            pass
        return self._ended

    def join(self) -> None:
        """Wait for the thread itself, which ends right after `close` is done."""
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _stopped(self) -> Stopped:
        return Stopped(f"{self._name} was stopped; start another one")

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            trio.run(self._life, clock=self._clock)
        except BaseException as raised:
            error = _single(raised)
        if not self._opened.done():
            self._opened.set_exception(error or self._stopped())
            error = None
        if error is not None:
            self._ended.set_exception(error)
        else:
            self._ended.set_result(None)

    async def _life(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        async with self._hosting() as hosted, trio.open_nursery() as nursery:
            self._nursery = nursery
            self._opened.set_result(hosted)
            try:
                await self._closing.wait()
            finally:
                self._nursery = None
                nursery.cancel_scope.cancel()

    async def _call(
        self, future: Future[T], function: Callable[..., Awaitable[T]], arguments: Any
    ) -> None:
        scope = trio.CancelScope()
        token = cast(trio.lowlevel.TrioToken, self._token)

        def given_up(done: Future[T]) -> None:
            if done.cancelled():
                try:
                    token.run_sync_soon(scope.cancel)
                except trio.RunFinishedError:
                    pass

        future.add_done_callback(given_up)
        try:
            with scope:
                result = await function(*arguments)
                if not future.done():
                    future.set_result(result)
        except trio.Cancelled:
            if not future.done():
                future.set_exception(self._stopped())
            raise
        except Exception as error:
            if not future.done():
                future.set_exception(_single(error))


def in_trio() -> bool:
    """Whether the caller is a task of trio itself, and not of an asyncio that trio hosts."""
    return sniffio.current_async_library() == "trio"


async def awaited(future: Future[T]) -> T:
    """A Future's result, awaited in whichever event loop this is called in."""
    if in_trio():
        return await _awaited_in_trio(future)
    import asyncio  # who calls from there has loaded it

    return await asyncio.wrap_future(future)


async def _awaited_in_trio(future: Future[T]) -> T:
    token, done = trio.lowlevel.current_trio_token(), trio.Event()

    def wake(_: Future[T]) -> None:
        try:
            token.run_sync_soon(done.set)
        except trio.RunFinishedError:
            pass  # nobody waits any more

    future.add_done_callback(wake)
    try:
        await done.wait()
    except trio.Cancelled:
        future.cancel()
        raise
    return future.result()


def _single(error: BaseException) -> BaseException:
    """The error itself where a nursery has made a group of it alone."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
