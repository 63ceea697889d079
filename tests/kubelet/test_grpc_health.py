"""Probes over gRPC, of servers that answer in all ways."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import h2.config
import h2.connection
import h2.events
import pytest
import trio

from k8slite.kubelet.runtimes.grpc_health import complaint

SERVING, NOT_SERVING = b"\0\0\0\0\x02\x08\x01", b"\0\0\0\0\x02\x08\x02"
Answer = Callable[[h2.connection.H2Connection, int, str], None]


def answering(body: bytes, status: str = "0", message: str = "") -> Answer:
    def answer(http: h2.connection.H2Connection, stream: int, service: str) -> None:
        http.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        http.send_data(stream, body)
        trailers = [("grpc-status", status), ("grpc-message", message)]
        http.send_headers(stream, trailers, end_stream=True)

    return answer


def refusing(status: str, message: str) -> Answer:
    def answer(http: h2.connection.H2Connection, stream: int, service: str) -> None:
        told = [("grpc-status", status), ("grpc-message", message.format(service))]
        http.send_headers(stream, [(":status", "200"), *told], end_stream=True)

    return answer


def resetting(http: h2.connection.H2Connection, stream: int, service: str) -> None:
    http.reset_stream(stream, 2)


def serving(answer: Answer) -> Callable[[trio.SocketStream], Awaitable[None]]:
    """A server of one call, as its own reading of the protocol has it."""

    async def serve(stream: trio.SocketStream) -> None:
        http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        http.initiate_connection()
        asked = b""
        async with stream:
            while data := await stream.receive_some(65536):
                for event in http.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        headers = {bytes(k): bytes(v) for k, v in event.headers}
                        assert headers[b":path"] == b"/grpc.health.v1.Health/Check"
                        assert headers[b"user-agent"] == b"kube-probe/1.37"
                    elif isinstance(event, h2.events.DataReceived):
                        asked += event.data
                    elif isinstance(event, h2.events.StreamEnded):
                        assert event.stream_id is not None
                        answer(http, event.stream_id, asked[7:].decode())
                await stream.send_all(http.data_to_send())

    return serve


async def asked(answer: Answer, service: str = "") -> str:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, serving(answer), 0)
        port = listeners[0].socket.getsockname()[1]
        with trio.fail_after(20):
            found = await complaint("127.0.0.1", port, service, "kube-probe/1.37", 1)
        nursery.cancel_scope.cancel()
    return found


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (answering(SERVING), ""),
        (answering(NOT_SERVING), 'service unhealthy (responded with "NOT_SERVING")'),
        (answering(b"\0\0\0\0\0"), 'service unhealthy (responded with "UNKNOWN")'),
        (
            refusing("5", "unknown service {}"),
            "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service a.B",
        ),
        (
            refusing("12", "unknown method"),
            "error: this server does not implement the grpc health protocol "
            "(grpc.health.v1.Health): unknown method",
        ),
        (
            resetting,
            "error: health rpc probe failed: rpc error: code = Unavailable desc = the server ended "
            "it with code 2",
        ),
    ],
    ids=["serving", "not serving", "unknown", "no such service", "no health", "reset"],
)
async def test_what_is_said_of_an_answer(answer: Answer, told: str) -> None:
    assert await asked(answer, "a.B") == told


async def test_a_long_name_of_a_service_is_whole() -> None:
    name = "a" * 300

    def answer(http: h2.connection.H2Connection, stream: int, service: str) -> None:
        # The name stands after its tag and a length of two bytes.
        code = "0" if service.removeprefix("\x02") == name else "3"
        answering(SERVING, code)(http, stream, service)

    assert await asked(answer, name) == ""


async def test_who_does_not_listen_or_speaks_something_else() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    await listeners[0].aclose()
    assert await complaint("127.0.0.1", port, "", "a", 3) == (
        f'timeout: failed to connect service "127.0.0.1:{port}" within 3s: '
        "context deadline exceeded"
    )

    async def talk(stream: trio.SocketStream) -> None:
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        found = await nursery.start(trio.serve_tcp, talk, 0)
        port = found[0].socket.getsockname()[1]
        told = await complaint("127.0.0.1", port, "", "a", 3)
        assert told.startswith("error: health rpc probe failed: rpc error: code = Unavailable")
        nursery.cancel_scope.cancel()
