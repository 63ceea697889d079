"""What the server does not put up with: too much, too slow, too many. In virtual time."""

from __future__ import annotations

import json

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from k8slite.messages import Request, Response
from k8slite.wire import Limits

from .serving import MemoryStream, answers, echo, read_to_end, serving

TOO_LARGE = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "Request entity too large: limit is 3145728",
    "reason": "RequestEntityTooLarge",
    "code": 413,
}
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"


async def closed_after(stream: MemoryStream) -> float:
    begin = trio.current_time()
    assert await read_to_end(stream) == b""
    return trio.current_time() - begin


async def test_a_body_over_three_mebibytes_is_refused_before_it_is_read(
    autojump_clock: MockClock,
) -> None:
    async with serving(echo) as served:
        stream = served.connect()
        await stream.send_all(POST + b"Content-Length: 3145729\r\nExpect: 100-continue\r\n\r\n")
        [answer] = answers(await read_to_end(stream))
    assert (answer.status, json.loads(answer.body)) == (413, TOO_LARGE)
    assert answer.headers["connection"] == "close"
    assert answer.headers["content-type"] == "application/json"


async def test_a_chunked_body_is_counted_as_it_comes(autojump_clock: MockClock) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    async with serving(echo) as served:
        data = await served.exchange(
            POST + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 49, b"0\r\n\r\n"
        )
        [answer] = answers(data)
        assert (answer.status, json.loads(answer.body)) == (413, TOO_LARGE)
        data = await served.exchange(
            POST + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 48, b"0\r\n\r\n"
        )
        assert answers(data)[0].status == 200


async def test_the_overhead_of_chunks_is_bounded_too(autojump_clock: MockClock) -> None:
    tiny = b"1;" + b"x" * 1000 + b"\r\ny\r\n"
    async with serving(echo, Limits(max_header_bytes=1000, max_body_bytes=1000)) as served:
        data = await served.exchange(POST + b"Transfer-Encoding: chunked\r\n\r\n", *[tiny] * 200)
    assert answers(data)[0].status == 413


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"x" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b" " * 300_000,
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 12_000 + b"\r\n",
    ],
)
async def test_a_header_over_its_limit_is_refused(head: bytes, autojump_clock: MockClock) -> None:
    pieces = [head[start : start + 50_000] for start in range(0, len(head), 50_000)]
    async with serving(echo, Limits(max_header_bytes=65536)) as served:
        [answer] = answers(await served.exchange(*pieces))
    assert answer.status == 431
    assert answer.body == b"431 Request Header Fields Too Large"


async def test_who_says_nothing_is_cut_off(autojump_clock: MockClock) -> None:
    async with serving(echo) as served:
        assert 32 <= await closed_after(served.connect()) <= 34


async def test_a_header_that_trickles_is_cut_off(autojump_clock: MockClock) -> None:
    async with serving(echo) as served:
        stream = served.connect()
        with pytest.raises(trio.BrokenResourceError):
            for byte in b"GET / HTTP/1.1\r\nHost: " + b"a" * 100:
                await stream.send_all(bytes([byte]))
                await trio.sleep(1)
        assert 32 <= trio.current_time() <= 60


async def test_empty_lines_do_not_keep_a_connection(autojump_clock: MockClock) -> None:
    async with serving(echo) as served:
        stream = served.connect()
        with pytest.raises(trio.BrokenResourceError):
            for _ in range(100):
                await stream.send_all(b"\r\n")
                await trio.sleep(1)


async def test_a_body_that_trickles_is_cut_off(autojump_clock: MockClock) -> None:
    async with serving(echo) as served:
        stream = served.connect()
        await stream.send_all(POST + b"Content-Length: 1000\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError):
            for _ in range(1000):
                await stream.send_all(b"x")
                await trio.sleep(1)
        assert 60 <= trio.current_time() <= 70


async def test_an_idle_connection_is_closed_and_a_used_one_is_not(
    autojump_clock: MockClock,
) -> None:
    async with serving(echo) as served:
        stream = served.connect()
        for _ in range(5):
            await stream.send_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert await stream.receive_some()
            await trio.sleep(80)
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await stream.receive_some()
        assert 90 <= await closed_after(stream) <= 92


async def test_a_slow_handler_is_nobodys_fault(autojump_clock: MockClock) -> None:
    async def handler(request: Request) -> Response:
        await trio.sleep(1000)
        return Response(200, b"at last")

    async with serving(handler) as served:
        [answer] = answers(await served.exchange(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert answer.body == b"at last"


async def test_more_connections_than_allowed_wait_for_their_turn(autojump_clock: MockClock) -> None:
    async with serving(echo, Limits(max_connections=2)) as served:
        first, second, third = (served.connect() for _ in range(3))
        await third.send_all(b"GET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked()
        assert served.server.connections == 2
        await first.aclose()
        assert answers(bytes(await third.receive_some()))[0].body == b"GET /3 () b''"
        await second.aclose()
        await third.aclose()


async def test_no_timer_runs_where_there_are_no_connections(autojump_clock: MockClock) -> None:
    async with serving(echo) as served:
        await served.exchange(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await trio.sleep(10)
        assert served.server.connections == 0
        assert trio.lowlevel.current_statistics().seconds_to_next_deadline == float("inf")
