"""Answers that come piece by piece: watches and followed logs."""

from __future__ import annotations

import logging

import pytest
import trio
import trio.testing

from k8slite.messages import Handler, Request, Response
from k8slite.wire import serve

from .serving import Tape, answers, read_to_end, serving

WATCH = b"GET /pods?watch=1 HTTP/1.1\r\nHost: a\r\n\r\n"


def playing(tape: Tape) -> Handler:
    async def handler(request: Request) -> Response:
        return Response(200, tape if request.parameter("watch") else b"plain")

    return handler


async def test_each_piece_is_one_chunk_at_once() -> None:
    tape = Tape()
    async with serving(playing(tape)) as served:
        stream = served.connect()
        await stream.send_all(WATCH)
        assert await stream.receive_some() == (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        tape.put(b"hello")
        assert await stream.receive_some() == b"5\r\nhello\r\n"
        tape.put(b"x" * 26)
        assert await stream.receive_some() == b"1a\r\n" + b"x" * 26 + b"\r\n"
        tape.put(b"")
        assert await stream.receive_some() == b"0\r\n\r\n"
        assert tape.closed
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answers(bytes(await stream.receive_some()))[0].body == b"plain"
        await stream.aclose()


async def test_a_request_that_is_pipelined_behind_a_stream_waits_for_its_end() -> None:
    tape = Tape()
    for piece in (b"a", b"b", b""):
        tape.put(piece)
    async with serving(playing(tape)) as served:
        stream = served.connect()
        await stream.send_all(WATCH)
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        first, second = answers(await read_to_end(stream))
    assert (first.body, second.body) == (b"ab", b"plain")


async def test_a_client_of_http_1_0_gets_its_stream_ended_by_closing() -> None:
    tape = Tape()
    for piece in (b"a", b"b", b""):
        tape.put(piece)
    async with serving(playing(tape)) as served:
        stream = served.connect()
        await stream.send_all(b"GET /pods?watch=1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        data = await read_to_end(stream)
    assert data == (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\nab"
    )


async def test_a_client_that_hangs_up_ends_its_stream_at_once() -> None:
    tape = Tape()
    async with serving(playing(tape)) as served:
        stream = served.connect()
        await stream.send_all(WATCH)
        await stream.receive_some()
        assert not tape.closed
        await stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert tape.closed
        assert served.server.connections == 0


async def test_a_head_request_lets_go_of_the_stream() -> None:
    tape = Tape()
    async with serving(playing(tape)) as served:
        data = await served.exchange(WATCH.replace(b"GET", b"HEAD"))
    assert data.endswith(b"Transfer-Encoding: chunked\r\n\r\n")
    assert tape.closed


async def test_a_stream_that_fails_is_cut_without_a_last_chunk(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Failing(Tape):
        async def receive(self) -> bytes:
            piece = await super().receive()
            if piece == b"fail":
                raise RuntimeError("no more")
            return piece

    tape = Failing()
    tape.put(b"a")
    tape.put(b"fail")
    with caplog.at_level(logging.CRITICAL):
        async with serving(playing(tape)) as served:
            stream = served.connect()
            await stream.send_all(WATCH)
            data = await read_to_end(stream)
    assert data.endswith(b"\r\n\r\n1\r\na\r\n")
    assert tape.closed


async def test_who_does_not_read_is_cut_off(autojump_clock: trio.testing.MockClock) -> None:
    closed = trio.Event()

    class Endless(Tape):
        def close(self) -> None:
            closed.set()

        async def receive(self) -> bytes:
            await trio.sleep(0.001)
            return b"x" * 65536

    tape = Endless()
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server = await nursery.start(serve, playing(tape), listeners)
        stream = await trio.testing.open_stream_to_socket_listener(listeners[0])
        await stream.send_all(WATCH)
        await closed.wait()
        await stream.aclose()
        await server.stop(1)


async def test_stop_ends_streams_properly_and_lets_requests_finish() -> None:
    tape, go_on = Tape(), trio.Event()

    async def handler(request: Request) -> Response:
        if request.parameter("watch"):
            return Response(200, tape)
        await go_on.wait()
        return Response(200, b"finished")

    results: dict[str, bytes] = {}

    async def listen(name: str, stream: trio.abc.ReceiveStream) -> None:
        results[name] = await read_to_end(stream)

    async with serving(handler) as served, trio.open_nursery() as nursery:
        idle, watching, working = (served.connect() for _ in range(3))
        await watching.send_all(WATCH)
        await working.send_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        nursery.start_soon(listen, "idle", idle)
        nursery.start_soon(listen, "watching", watching)
        nursery.start_soon(listen, "working", working)
        tape.put(b"a")
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(served.server.stop, 60)
        await trio.testing.wait_all_tasks_blocked()
        assert results.keys() == {"idle", "watching"}
        assert results["idle"] == b""
        assert results["watching"].endswith(b"\r\n\r\n1\r\na\r\n0\r\n\r\n")
        assert tape.closed
        go_on.set()
    [answer] = answers(results["working"])
    assert (answer.body, answer.headers["connection"]) == (b"finished", "close")


async def test_stop_does_not_wait_longer_than_its_grace(
    autojump_clock: trio.testing.MockClock,
) -> None:
    cancelled = trio.Event()

    async def handler(request: Request) -> Response:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()
        raise AssertionError

    async with serving(handler) as served:
        stream = served.connect()
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked()
        begin = trio.current_time()
        await served.server.stop(7)
        assert trio.current_time() - begin == pytest.approx(7)
        assert cancelled.is_set()
        assert await read_to_end(stream) == b""
