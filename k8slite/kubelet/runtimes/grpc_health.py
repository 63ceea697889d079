"""Asks a server for its health over gRPC: one call of grpc.health.v1.Health/Check.

Upstream: `pkg/probe/grpc`, whose complaints these are. Without TLS, as there.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

import trio
from attrs import define, field
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError

from k8slite.wire.limits import READ_BYTES

# An answer of a few bytes; what is longer is none.
_ANSWER_MOST_BYTES: Final = 64 * 1024
_SERVING: Final = 1
_HEALTH: Final = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_OK, _UNKNOWN, _UNIMPLEMENTED, _UNAVAILABLE = 0, 2, 12, 14


async def complaint(address: str, port: int, service: str, agent: str, seconds: float) -> str:
    """Why a service is not well; "" where it is. `seconds` are what the caller gives it, to be
    told; "" is the service that stands for the whole server."""
    where = f"{address}:{port}"
    try:
        stream = await trio.open_tcp_stream(address, port)
    except OSError:  # upstream tries again until its time is over
        waited = f"within {seconds:g}s: context deadline exceeded"
        return f'timeout: failed to connect service "{where}" {waited}'
    async with stream:
        answer = await _call(stream, where, service, agent)
    code = answer.code
    assert code is not None
    if code == _UNIMPLEMENTED:
        return (
            "error: this server does not implement the grpc health protocol "
            f"(grpc.health.v1.Health): {answer.message}"
        )
    if code != _OK:
        name = _CODES[code] if code < len(_CODES) else f"Code({code})"
        told = f"rpc error: code = {name} desc = {answer.message}"
        return f"error: health rpc probe failed: {told}"
    health = answer.health
    if health != _SERVING:
        return f'service unhealthy (responded with "{_HEALTH.get(health, str(health))}")'
    return ""


@define
class _Answer:
    """What has come of it so far."""

    code: int | None = None
    message: str = ""
    body: bytearray = field(factory=bytearray)
    ended: bool = False

    def take(self, event: Event) -> None:
        if isinstance(event, ResponseReceived | TrailersReceived):
            headers = {bytes(name): bytes(value).decode() for name, value in event.headers}
            status = headers.get(b":status", "200")
            if status != "200":
                self.failed(_UNKNOWN, f"unexpected HTTP status code {status}")
            if headers.get(b"grpc-status", "").isdecimal():
                self.code = int(headers[b"grpc-status"])
                self.message = unquote(headers.get(b"grpc-message", ""))
        elif isinstance(event, DataReceived):
            self.body += event.data
        elif isinstance(event, StreamReset | ConnectionTerminated):
            self.failed(_UNAVAILABLE, f"the server ended it with code {event.error_code}")
        elif isinstance(event, StreamEnded):
            self.failed(_UNKNOWN, "server closed the stream without sending trailers")

    def failed(self, code: int, message: str) -> None:
        """It has ended, with an error unless it had said how."""
        if self.code is None:
            self.code, self.message = code, message
        self.ended = True

    @property
    def health(self) -> int:
        """The number in a HealthCheckResponse; its field is the first, and 0 is left out."""
        body = bytes(self.body[_PREFIX:])
        return body[1] if len(body) >= 2 and body[0] == 0x08 else 0


async def _call(stream: trio.SocketStream, where: str, service: str, agent: str) -> _Answer:
    http = H2Connection(H2Configuration(client_side=True))
    http.initiate_connection()
    number = http.get_next_available_stream_id()
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", where),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", agent),
    ]
    http.send_headers(number, headers)
    http.send_data(number, _request(service), end_stream=True)
    answer = _Answer()
    try:
        await stream.send_all(http.data_to_send())
        while not answer.ended and len(answer.body) <= _ANSWER_MOST_BYTES:
            data = await stream.receive_some(READ_BYTES)
            if not data:
                answer.failed(_UNAVAILABLE, "error reading from server: EOF")
                break
            for event in http.receive_data(data):
                answer.take(event)
            await stream.send_all(http.data_to_send())
    except (trio.BrokenResourceError, ProtocolError) as error:
        answer.failed(_UNAVAILABLE, f"connection error: {error}")
    if answer.code is None:
        answer.failed(_UNKNOWN, "the answer is too long")
    return answer


def _request(service: str) -> bytes:
    """A HealthCheckRequest, as one message that is not compressed."""
    name = service.encode()
    size = bytearray()
    length = len(name)
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    body = b"\x0a" + bytes((*size, length)) + name if name else b""
    return b"\0" + len(body).to_bytes(4, "big") + body


_PREFIX: Final = 5  # whether it is compressed, and how long it is
_CODES: Final = (
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
)
