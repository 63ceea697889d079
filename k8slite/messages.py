"""What travels between actors: a request, its response, and the callable that turns one into the
other.

API server, kubelet and webhook are all Handlers; a socket and an in-process call look alike to
them. A caller that hands over a Request never touches it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from attrs import Factory, frozen


@frozen
class User:
    """Who asks, as authentication found out (upstream: `authentication/user.Info`)."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = Factory(dict)


IN_PROCESS: Final = "in-process"  # the address of peers that came through no socket


@frozen
class Peer:
    """The other end of the connection that a request came through."""

    address: str = ""
    # The subject of a client certificate that the transport has verified, or the identity of a
    # component in this process.
    user: User | None = None
    # The common name of a certificate that an authority of front proxies has signed: who shows it
    # may say for whom he asks.
    front_proxy: str | None = None


class Stream(Protocol):
    """A response body that arrives piece by piece: watches and followed logs."""

    async def receive(self) -> bytes:
        """The next piece, never empty; b"" at the end."""
        ...

    def close(self) -> None:
        """Let go of what stands behind it. Safe to call at any time, and twice."""
        ...


class Duplex(Protocol):
    """A connection that has left HTTP: bytes both ways."""

    async def receive(self) -> bytes:
        """What has come, never empty; b"" when the peer has sent its last, or has gone."""
        ...

    async def send(self, data: bytes) -> None:
        """Send everything; nothing happens where the peer has gone."""
        ...


# What happens on a connection that has left HTTP; it is closed when this returns.
Conversation = Callable[[Duplex], Awaitable[None]]


@frozen
class Request:
    """One HTTP request, whichever way it came."""

    method: str
    path: str  # percent-decoded, without the query
    query: tuple[tuple[str, str], ...] = ()  # decoded, in order, duplicates kept
    headers: Mapping[str, str] = Factory(dict)  # names in lower case
    body: bytes = b""
    peer: Peer = Peer()
    # Headers that go out several times, besides those above; what comes in is joined by commas.
    repeated: tuple[tuple[str, str], ...] = ()
    # What came in several times, line by line.
    lines: Mapping[str, tuple[str, ...]] = Factory(dict)

    def parameter(self, name: str) -> str:
        """The first value of a query parameter, or ""."""
        for key, value in self.query:
            if key == name:
                return value
        return ""

    def values(self, name: str) -> tuple[str, ...]:
        """A header's lines as they came, whatever commas are in them."""
        several = self.lines.get(name)
        if several is not None:
            return several
        return (self.headers[name],) if name in self.headers else ()


@frozen
class Response:
    """One HTTP response; a body that is a Stream belongs to the receiver, who closes it."""

    status: int
    body: bytes | Stream = b""
    # Pairs, since `Warning` may come several times; names in any case.
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    conversation: Conversation | None = None  # of an answer 101, which has no body


class Disconnected(ConnectionResetError):
    """What a Handler or a Stream raises to end a connection without an answer."""


Handler = Callable[[Request], Awaitable[Response]]


async def read_all(response: Response) -> bytes:
    """A response's whole body, whichever form it has; a Stream is closed."""
    stream = response.body
    if isinstance(stream, bytes):
        return stream
    pieces = []
    try:
        while piece := await stream.receive():
            pieces.append(piece)
    finally:
        stream.close()
    return b"".join(pieces)
