"""What is typed into a program of asyncio, which reads it in a thread of its own."""

from __future__ import annotations

import asyncio

import trio

from k8slite.kubelet.runtimes.program import Process
from k8slite.live.asyncio_program import in_asyncio


class Typed:
    """Pieces that come one after the other, then the end."""

    def __init__(self) -> None:
        self.send, self._receive = trio.open_memory_channel[bytes](10)

    async def read(self) -> bytes:
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            return b""


def process(typed: Typed, lines: list[str]) -> Process:
    return Process("n", "p", "c", "i", "", (), {}, lines.append, typed)


async def test_what_is_typed_is_read_to_its_end() -> None:
    typed, lines = Typed(), list[str]()

    async def echo(own: Process) -> int:
        while piece := await own.read():
            own.log(piece.decode())
        assert await own.read() == b""
        return 3

    with typed.send:
        typed.send.send_nowait(b"one")
        typed.send.send_nowait(b"two")
    assert await in_asyncio(echo)(process(typed, lines)) == 3
    assert lines == ["one", "two"]


async def test_who_gives_up_reading_loses_nothing() -> None:
    typed, lines, given_up = Typed(), list[str](), trio.Event()
    token = trio.lowlevel.current_trio_token()

    async def patient(own: Process) -> None:
        reading = asyncio.ensure_future(own.read())
        await asyncio.sleep(0)
        reading.cancel()
        token.run_sync_soon(given_up.set)
        own.log((await own.read()).decode())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(in_asyncio(patient), process(typed, lines))
        await given_up.wait()
        typed.send.send_nowait(b"late")
    assert lines == ["late"]


async def test_without_stdin_it_ends_at_once() -> None:
    async def silent(own: Process) -> int:
        return len(await own.read())

    own = Process("n", "p", "c", "i", "", (), {}, lambda line: None)
    assert await in_asyncio(silent)(own) == 0


async def test_a_program_that_reads_is_cancelled() -> None:
    typed, reads = Typed(), trio.Event()
    token = trio.lowlevel.current_trio_token()

    async def waits(own: Process) -> None:
        token.run_sync_soon(reads.set)
        await own.read()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(in_asyncio(waits), process(typed, []))
        await reads.wait()
        nursery.cancel_scope.cancel()
