"""Whole requests and answers of the server, by what HTTP and net/http promise."""

from __future__ import annotations

import gzip
import json
import logging

import pytest
import trio
import trio.testing

from k8slite.messages import Request, Response

from .serving import answers, echo, serving

HOST = b"Host: a\r\n"


async def test_a_request_arrives_decoded_and_is_answered_with_a_length() -> None:
    seen: list[Request] = []

    async def handler(request: Request) -> Response:
        seen.append(request)
        return Response(201, b"{}", (("Content-Type", "application/json"), ("Warning", "w")))

    async with serving(handler) as served:
        data = await served.exchange(
            b"POST /a%20b/%C3%A4?x=1&y=a+b%2Bc&x=2&z HTTP/1.1\r\nHost: h:1\r\n"
            b"Content-Length: 3\r\nImpersonate-Group: g1\r\nIMPERSONATE-GROUP:  g2 \r\n\r\nabc"
        )
    [request] = seen
    assert (request.method, request.path, request.body) == ("POST", "/a b/\u00e4", b"abc")
    assert request.query == (("x", "1"), ("y", "a b+c"), ("x", "2"), ("z", ""))
    assert request.headers == {
        "host": "h:1",
        "content-length": "3",
        "impersonate-group": "g1, g2",
    }
    assert data == (
        b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nWarning: w\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    )


async def test_pipelined_requests_are_answered_in_order() -> None:
    requests = [b"GET /%d HTTP/1.1\r\n%b\r\n" % (number, HOST) for number in range(50)]
    async with serving(echo) as served:
        data = await served.exchange(b"".join(requests))
    assert [answer.body.split()[1] for answer in answers(data)] == [
        b"/%d" % number for number in range(50)
    ]


async def test_a_chunked_body_is_put_together_and_its_trailers_are_no_headers() -> None:
    seen: list[Request] = []

    async def handler(request: Request) -> Response:
        seen.append(request)
        return Response(200, b"ok")

    async with serving(handler) as served:
        await served.exchange(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;note=x\r\nabc\r\n2\r\nde\r\n0\r\nAuthorization: trailer\r\n\r\n"
        )
    [request] = seen
    assert request.body == b"abcde"
    assert "authorization" not in request.headers


async def test_100_continue_is_said_when_the_body_is_waited_for() -> None:
    async with serving(echo) as served:
        stream = served.connect()
        await stream.send_all(
            b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        assert await stream.receive_some() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await stream.send_all(b"ok")
        [answer] = answers(bytes(await stream.receive_some()))
        assert answer.body == b"PUT /x () b'ok'"
        await stream.aclose()


async def test_a_head_request_gets_the_header_only() -> None:
    async with serving(echo) as served:
        data = await served.exchange(b"HEAD /x HTTP/1.1\r\n" + HOST + b"\r\n")
    assert data.endswith(b"Content-Length: 14\r\n\r\n")


@pytest.mark.parametrize(
    ("head", "connection", "stays"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n", None, True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", "close", False),
        (b"GET / HTTP/1.0\r\n", "close", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", "keep-alive", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n", "close", False),
    ],
)
async def test_connections_are_kept_as_the_request_says(
    head: bytes, connection: str | None, stays: bool
) -> None:
    async with serving(echo) as served:
        data = await served.exchange(head + b"\r\n", b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
    first, *more = answers(data)
    assert first.headers.get("connection") == connection
    assert bool(more) == stays


GARBAGE = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close"
)
GARBAGE += b"\r\n\r\n400 Bad Request"


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"hello\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
    ],
)
async def test_garbage_gets_what_net_http_says(garbage: bytes) -> None:
    async with serving(echo) as served:
        assert await served.exchange(garbage) == GARBAGE


@pytest.mark.parametrize(
    ("head", "status", "text"),
    [
        (b"GET / HTTP/1.1\r\n", 400, b"400 Bad Request: missing required Host header"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n", 400, b"400 Bad Request: too many Host head"),
        (b"GET / HTTP/2.0\r\nHost: a\r\n", 505, b"505 HTTP Version Not Supported: unsup"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n", 501, b"501 Not"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n", 417, b"417 Expectation Failed"),
    ],
)
async def test_what_is_http_but_not_served(head: bytes, status: int, text: bytes) -> None:
    async with serving(echo) as served:
        [answer] = answers(await served.exchange(head + b"\r\n"))
    assert answer.status == status
    assert answer.body.startswith(text)


async def test_a_good_request_before_garbage_is_still_answered() -> None:
    async with serving(echo) as served:
        data = await served.exchange(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\x00garbage")
    assert [answer.status for answer in answers(data)] == [200, 400]


async def test_the_absolute_form_is_taken_for_its_path() -> None:
    async with serving(echo) as served:
        [answer] = answers(
            await served.exchange(b"GET http://h:1/p?q=1 HTTP/1.1\r\nHost: h\r\n\r\n")
        )
    assert answer.body == b"GET /p (('q', '1'),) b''"


async def test_a_crash_of_the_handler_is_an_internal_error_and_the_connection_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(request: Request) -> Response:
        if request.path == "/boom":
            raise ValueError("broken \ud800")
        return Response(200, b"fine")

    async with serving(handler) as served:
        with caplog.at_level(logging.CRITICAL):
            data = await served.exchange(
                b"GET /boom HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
            )
    first, second = answers(data)
    assert (first.status, second.body) == (500, b"fine")
    status = json.loads(first.body)
    assert status.pop("message").startswith("Internal error occurred: ValueError: broken")
    assert status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "reason": "InternalError",
        "code": 500,
    }


async def test_a_header_cannot_be_smuggled_into_an_answer() -> None:
    async def handler(request: Request) -> Response:
        return Response(
            200, b"x", (("Warning", "a\r\nSet-Cookie: b"), ("Transfer-Encoding", "chunked"))
        )

    async with serving(handler) as served:
        [answer] = answers(await served.exchange(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert answer.headers == {"warning": "a  Set-Cookie: b", "content-length": "1"}


async def test_an_answer_without_content_has_no_length() -> None:
    async def handler(request: Request) -> Response:
        return Response(204, b"", ())

    async with serving(handler) as served:
        data = await served.exchange(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert data == b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize(
    ("size", "accept", "packed"),
    [
        (128 * 1024 + 1, b"deflate, gzip", True),
        (128 * 1024, b"gzip", False),
        (128 * 1024 + 1, b"deflate", False),
    ],
)
async def test_large_answers_are_compressed_for_who_accepts_it(
    size: int, accept: bytes, packed: bool
) -> None:
    body = b"0123456789abcdef" * (size // 16) + b"x" * (size % 16)

    async def handler(request: Request) -> Response:
        return Response(200, body)

    async with serving(handler) as served:
        [answer] = answers(
            await served.exchange(
                b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: " + accept + b"\r\n\r\n"
            )
        )
    assert (answer.headers.get("content-encoding") == "gzip") == packed
    assert (gzip.decompress(answer.body) if packed else answer.body) == body


async def test_an_answer_of_many_megabytes_arrives_whole() -> None:
    body = bytes(range(256)) * 4096 * 5

    async def handler(request: Request) -> Response:
        return Response(200, body)

    async with serving(handler) as served:
        [answer] = answers(await served.exchange(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert answer.body == body


async def test_a_client_that_hangs_up_does_not_cancel_what_the_handler_does() -> None:
    begun, go_on, finished = trio.Event(), trio.Event(), trio.Event()

    async def handler(request: Request) -> Response:
        begun.set()
        await go_on.wait()
        finished.set()
        return Response(200, b"late")

    async with serving(handler) as served:
        stream = served.connect()
        await stream.send_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        await begun.wait()
        await stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        go_on.set()
        await finished.wait()
