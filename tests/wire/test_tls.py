"""TLS on real loopback sockets: handshakes, client certificates, and those who do not speak it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from k8slite.messages import Request, Response, User
from k8slite.wire import ConnectionFailed, HttpClient, Limits, TlsListener, serve, verified_user

from .authority import Authority
from .serving import Tape, read_to_end


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


async def who(request: Request) -> Response:
    if request.parameter("watch"):
        tape = Tape()
        for piece in (b"one", b"two", b""):
            tape.put(piece)
        return Response(200, tape)
    user = request.peer.user
    text = "nobody" if user is None else f"{user.name} {user.groups}"
    return Response(200, text.encode() + request.body)


@asynccontextmanager
async def serving_tls(authority: Authority, limits: Limits | None = None) -> AsyncIterator[int]:
    async with trio.open_nursery() as nursery:
        plain = await trio.open_tcp_listeners(0, host="127.0.0.1")
        listeners = [TlsListener(one, authority.server_context()) for one in plain]
        server = await nursery.start(
            lambda task_status: serve(who, listeners, limits=limits, task_status=task_status)
        )
        yield plain[0].socket.getsockname()[1]
        await server.stop(5)


async def test_a_client_certificate_says_who_asks(authority: Authority) -> None:
    contexts = [
        authority.client_context("admin", ("system:masters", "team")),
        authority.client_context(),
    ]
    async with serving_tls(authority) as port:
        bodies = []
        for context in contexts:
            with HttpClient(f"https://localhost:{port}", context) as client:
                for _ in range(2):
                    bodies.append((await client(Request("GET", "/"))).body)
    assert bodies == [b"admin ('system:masters', 'team')"] * 2 + [b"nobody"] * 2


async def test_large_bodies_pass_both_ways(authority: Authority) -> None:
    body = bytes(range(256)) * 12_000
    async with serving_tls(authority) as port:
        with HttpClient(f"https://127.0.0.1:{port}", authority.client_context()) as client:
            response = await client(Request("POST", "/", body=body))
    assert response.body == b"nobody" + body


async def test_streams_pass(authority: Authority) -> None:
    async with serving_tls(authority) as port:
        with HttpClient(f"https://127.0.0.1:{port}", authority.client_context()) as client:
            response = await client(Request("GET", "/", (("watch", "true"),)))
            assert not isinstance(response.body, bytes)
            data = b""
            while piece := await response.body.receive():
                data += piece
    assert data == b"onetwo"


async def test_plain_http_on_the_tls_port_is_told_so(authority: Authority) -> None:
    async with serving_tls(authority) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        data = await read_to_end(stream)
        await stream.aclose()
    assert data == (
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
    )


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01garbage" * 10, b"\x00\x01", b"hello", b""])
async def test_garbage_instead_of_a_handshake_hurts_nobody(
    authority: Authority, garbage: bytes
) -> None:
    async with serving_tls(authority) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        if garbage:
            await stream.send_all(garbage)
        await stream.send_eof()
        with trio.fail_after(10):
            data = await read_to_end(stream)
        assert b"HTTP" not in data
        await stream.aclose()
        with HttpClient(f"https://127.0.0.1:{port}", authority.client_context()) as client:
            assert (await client(Request("GET", "/"))).body == b"nobody"


async def test_a_handshake_that_never_ends_is_cut_off(authority: Authority) -> None:
    async with serving_tls(authority, Limits(header_seconds=0.1)) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(b"\x16\x03")
        with trio.fail_after(10):
            assert await read_to_end(stream) == b""
        await stream.aclose()


async def test_a_client_does_not_talk_to_a_server_it_cannot_trust(
    authority: Authority, tmp_path: Path
) -> None:
    async with serving_tls(authority) as port:
        stranger = Authority(tmp_path).client_context()
        for address, context in (
            (f"https://localhost:{port}", stranger),
            (f"https://127.0.0.2:{port}", authority.client_context()),
        ):
            with (
                HttpClient(address, context) as client,
                pytest.raises(ConnectionFailed) as caught,
            ):
                await client(Request("GET", "/"))
            assert not caught.value.perhaps_done


async def test_a_goodbye_is_said(authority: Authority) -> None:
    async with serving_tls(authority) as port:
        plain = await trio.open_tcp_stream("127.0.0.1", port)
        stream = trio.SSLStream(plain, authority.client_context(), server_hostname="localhost")
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        # Not https_compatible: it raises when the close_notify is missing.
        assert (await read_to_end(stream)).endswith(b"nobody")
        await stream.aclose()


def test_only_a_common_name_makes_a_user() -> None:
    subject = ((("organizationName", "a"),), (("organizationName", "b"),))
    assert verified_user(None) is None
    assert verified_user({"subject": subject}) is None
    named = (*subject, (("commonName", "n"),))
    assert verified_user({"subject": named}) == User("n", ("a", "b"))
