"""The client as a Handler: against our own server, and against servers that misbehave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from k8slite.messages import Handler, Request, Response
from k8slite.wire import ClientLimits, ConnectionFailed, HttpClient, read_all, serve

from .serving import Tape, echo, read_to_end

GET = Request("GET", "/")
WATCH = Request("GET", "/", (("watch", "1"),))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Script = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def client_of(
    handler: Handler, prefix: str = "", limits: ClientLimits | None = None
) -> AsyncIterator[HttpClient]:
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server = await nursery.start(serve, handler, listeners)
        port = listeners[0].socket.getsockname()[1]
        with HttpClient(f"http://127.0.0.1:{port}{prefix}", limits=limits) as client:
            yield client
        await server.stop(5)


@asynccontextmanager
async def scripted(
    *scripts: Script, limits: ClientLimits | None = None
) -> AsyncIterator[HttpClient]:
    """A server that plays one script for each connection, then closes it."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def play() -> None:
        for script in scripts:
            async with await listener.accept() as stream:
                await script(stream)

    async with listener, trio.open_nursery() as nursery:
        nursery.start_soon(play)
        port = listener.socket.getsockname()[1]
        with HttpClient(f"http://127.0.0.1:{port}", limits=limits) as client:
            yield client
        nursery.cancel_scope.cancel()


def says(*answers: bytes) -> Script:
    """Receives a request before each answer."""

    async def script(stream: trio.SocketStream) -> None:
        for answer in answers:
            assert await stream.receive_some()
            if answer:
                await stream.send_all(answer)

    return script


async def test_a_request_and_its_response_pass_unchanged() -> None:
    seen: list[Request] = []

    async def handler(request: Request) -> Response:
        seen.append(request)
        return Response(409, b"{}", (("Content-Type", "a/b"), ("Warning", "1"), ("Warning", "2")))

    asked = Request(
        "PATCH",
        "/a b/\u00e4%/c",
        (("x", "1 +&="), ("x", "\u00e4"), ("y", "")),
        {"content-type": "application/merge-patch+json"},
        b"\x00body",
    )
    async with client_of(handler, prefix="/prefix/") as client:
        response = await client(asked)
    [came] = seen
    assert (came.method, came.path, came.query, came.body) == (
        "PATCH",
        "/prefix/a b/\u00e4%/c",
        asked.query,
        asked.body,
    )
    assert came.headers["content-type"] == "application/merge-patch+json"
    assert (response.status, response.body) == (409, b"{}")
    assert [pair for pair in response.headers if pair[0] == "Warning"] == [
        ("Warning", "1"),
        ("Warning", "2"),
    ]


async def test_connections_are_used_again() -> None:
    peers: list[str] = []

    async def handler(request: Request) -> Response:
        peers.append(request.peer.address)
        return Response(200, b"x")

    async with client_of(handler) as client:
        for method in ("GET", "HEAD", "POST", "DELETE", "GET"):
            assert (await client(Request(method, "/"))).status == 200
    assert len(set(peers)) == 1


async def test_a_watch_is_a_stream_and_may_be_closed_at_any_time() -> None:
    tape = Tape()

    async def handler(request: Request) -> Response:
        return Response(200, tape)

    async with client_of(handler) as client:
        response = await client(WATCH)
        stream = response.body
        assert not isinstance(stream, bytes)
        tape.put(b"a")
        assert await stream.receive() == b"a"
        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                assert await stream.receive() == b""

            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            stream.close()
        stream.close()
        assert await stream.receive() == b""


async def test_a_chunked_answer_that_nobody_wanted_as_a_stream_is_read_whole() -> None:
    async def handler(request: Request) -> Response:
        tape = Tape()
        for piece in (b"a", b"b" * 100_000, b""):
            tape.put(piece)
        return Response(200, tape)

    async with client_of(handler) as client:
        assert (await client(GET)).body == b"a" + b"b" * 100_000
        assert await read_all(await client(WATCH)) == b"a" + b"b" * 100_000
        assert await read_all(Response(200, b"bytes")) == b"bytes"


async def test_a_refused_watch_is_no_stream() -> None:
    async def handler(request: Request) -> Response:
        return Response(410, b"gone")

    async with client_of(handler) as client:
        assert (await client(WATCH)).body == b"gone"


async def test_more_requests_than_connections_wait_for_their_turn() -> None:
    running, most = 0, 0

    async def handler(request: Request) -> Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.testing.wait_all_tasks_blocked(0.001)
        running -= 1
        return Response(200)

    limits = ClientLimits(max_connections=3)
    async with client_of(handler, limits=limits) as client, trio.open_nursery() as nursery:
        for _ in range(9):
            nursery.start_soon(client, GET)
    assert most == 3


async def test_a_unix_socket_is_a_server_like_any_other(tmp_path: Path) -> None:
    address = tmp_path / "s"
    socket = trio.socket.socket(trio.socket.AF_UNIX)
    await socket.bind(str(address))
    socket.listen()
    async with trio.open_nursery() as nursery:
        server = await nursery.start(serve, echo, [trio.SocketListener(socket)])
        with HttpClient(f"unix:{address}") as client:
            assert (await client(Request("GET", "/x"))).body == b"GET /x () b''"
        await server.stop(1)


@pytest.mark.parametrize("url", ["localhost:80", "ftp://a", "http://", "https://a?b", "unix:"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not the address"):
        HttpClient(url)


async def test_a_header_with_a_line_break_is_refused() -> None:
    async with client_of(echo) as client:
        with pytest.raises(ValueError, match="line breaks"):
            await client(Request("GET", "/", headers={"a": "b\r\nc: d"}))


async def test_nobody_listens() -> None:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    client = HttpClient(f"http://127.0.0.1:{port}")
    with client, pytest.raises(ConnectionFailed) as caught:
        await client(GET)
    assert not caught.value.perhaps_done


async def hang_up_at_the_second(stream: trio.SocketStream) -> None:
    assert await stream.receive_some()
    await stream.send_all(OK)
    assert await stream.receive_some()


async def test_a_stale_connection_is_replaced_for_a_read() -> None:
    async with scripted(hang_up_at_the_second, says(OK)) as client:
        assert (await client(GET)).body == b"ok"
        assert (await client(GET)).body == b"ok"


async def test_a_write_is_never_repeated() -> None:
    async with scripted(hang_up_at_the_second, says(OK)) as client:
        assert (await client(GET)).body == b"ok"
        with pytest.raises(ConnectionFailed) as caught:
            await client(Request("POST", "/"))
    assert caught.value.perhaps_done


async def test_a_fresh_connection_that_breaks_is_not_tried_again() -> None:
    async with scripted(says(b""), says(OK)) as client:
        with pytest.raises(ConnectionFailed):
            await client(GET)


async def test_a_connection_closed_meanwhile_is_not_even_tried() -> None:
    async with scripted(says(OK), says(OK)) as client:
        assert (await client(Request("POST", "/"))).body == b"ok"
        await trio.testing.wait_all_tasks_blocked(0.01)  # the server's end arrives
        assert (await client(Request("POST", "/"))).body == b"ok"


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 2_000_000,
    ],
)
async def test_a_broken_answer_is_a_failed_connection(answer: bytes) -> None:
    async def script(stream: trio.SocketStream) -> None:
        assert await stream.receive_some()
        try:
            await stream.send_all(answer)
        except trio.BrokenResourceError:
            pass  # the client has seen enough

    async with scripted(script) as client:
        with pytest.raises(ConnectionFailed):
            await client(GET)


async def test_a_stream_that_is_cut_off_says_so() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with scripted(says(head + b"1\r\na\r\n")) as client:
        stream = (await client(WATCH)).body
        assert not isinstance(stream, bytes)
        assert await stream.receive() == b"a"
        with pytest.raises(ConnectionFailed):
            await stream.receive()


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n" + OK, b"ok"),
        (OK + b"unasked", b"ok"),
    ],
)
async def test_unusual_answers_are_understood(answer: bytes, body: bytes) -> None:
    async with scripted(says(answer), says(OK)) as client:
        assert (await client(GET)).body == body
        assert (await client(GET)).body == b"ok"


async def test_an_early_answer_is_read_although_the_request_could_not_be_sent() -> None:
    async def handler(request: Request) -> Response:
        raise AssertionError

    async with client_of(handler) as client:
        response = await client(Request("POST", "/", body=b"x" * 20_000_000))
    assert response.status == 413


async def test_a_silent_server_is_given_up() -> None:
    async def silent(stream: trio.SocketStream) -> None:
        await read_to_end(stream)

    async with scripted(silent, limits=ClientLimits(response_seconds=0.05)) as client:
        with pytest.raises(ConnectionFailed, match="no answer in time"):
            await client(GET)
