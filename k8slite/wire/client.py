"""A Handler for a remote server: requests go out over HTTP/1.1, responses come back.

A request that asks for a stream (`watch` or `follow` is true) and is answered with 200 gives a
Response whose body is a Stream, as a Handler in this process would; every other body is read to
its end first, unless the client was made for streams (a proxy's). A connection that turns out stale
is replaced without a word only when that is safe: it was used before, nothing was received, and the
method changes nothing.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Final

import trio

from k8slite.messages import Duplex, Request, Response
from k8slite.wire.limits import READ_BYTES, ClientLimits
from k8slite.wire.pool import Address, ClientStream, Pool
from k8slite.wire.request_target import join_target
from k8slite.wire.response_parser import SWITCHING, BadResponse, ResponseParser
from k8slite.wire.upgrade import pump

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})  # as Go's ParseBool has it

# Why a response may never come, apart from cancellation.
_BROKEN: Final = (
    OSError,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
    trio.TooSlowError,
    BadResponse,
)


class ConnectionFailed(ConnectionError):
    """No response, or not all of it; `perhaps_done`: the server may have got the request."""

    def __init__(self, message: str, *, perhaps_done: bool) -> None:
        super().__init__(message)
        self.perhaps_done = perhaps_done


class HttpClient:
    """Calls the server at `base_url`: `http://...`, `https://...` or `unix:/path/of/socket`.

    `headers` (names in lower case) go with every request that does not have its own, for instance
    `authorization`. `server_name` is what the server's certificate is for, where it is not the
    URL's host. `streams`: every answer's body is a Stream. Use it as a context manager, or `close`
    it.
    """

    def __init__(
        self,
        base_url: str,
        ssl_context: ssl.SSLContext | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        limits: ClientLimits | None = None,
        server_name: str = "",
        streams: bool = False,
    ) -> None:
        self._streams = streams
        self._address = Address.parse(base_url)
        self._headers = dict(headers or {})
        self._limits = limits or ClientLimits()
        self._pool = Pool(self._address, ssl_context, self._limits, server_name)

    async def __call__(self, request: Request) -> Response:
        """Send the request and return its response. Raises ConnectionFailed.

        One with the header `upgrade` may be answered by 101 and a conversation, which must be
        begun, since it holds a connection.
        """
        if "upgrade" in request.headers:
            return await self._upgrade(request)
        data = self._encode(request)
        fresh = False
        while True:
            try:
                stream, used = await self._pool.borrow(fresh=fresh)
            except _BROKEN as error:
                raise ConnectionFailed(self._explain(error), perhaps_done=False) from error
            parser = ResponseParser(self._limits, method=request.method)
            try:
                streaming = self._streams or _asks_for_stream(request)
                return await self._exchange(stream, parser, data, streaming)
            except _BROKEN as error:
                self._pool.discard(stream)
                timed_out = isinstance(error, trio.TooSlowError)
                safe = used and not parser.begun and request.method in _SAFE_METHODS
                if not safe or timed_out:
                    raise ConnectionFailed(self._explain(error), perhaps_done=True) from error
                fresh = True
            except BaseException:
                self._pool.discard(stream)
                raise

    def close(self) -> None:
        """Close the connections that wait for use; streams go on until they are closed."""
        self._pool.close()

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def _exchange(
        self, stream: ClientStream, parser: ResponseParser, data: bytes, streaming: bool
    ) -> Response:
        limits = self._limits
        with trio.fail_after(limits.header_seconds if streaming else limits.response_seconds):
            try:
                await stream.send_all(data)
            except trio.BrokenResourceError:
                pass  # an early answer, a refusal perhaps, may lie there to be read
            while not parser.header_complete:
                await _receive(stream, parser)
            headers = _passed_on(parser.headers)
            if streaming and (self._streams or parser.status == 200):
                return Response(parser.status, ReceivedBody(self._pool, stream, parser), headers)
            pieces, body_bytes = [parser.take()], 0
            while not parser.complete:
                await _receive(stream, parser)
                pieces.append(parser.take())
                body_bytes += len(pieces[-1])
                if body_bytes > limits.max_body_bytes:
                    raise BadResponse("the response's body is too large")
        if parser.keep_alive:
            self._pool.give_back(stream)
        else:
            self._pool.discard(stream)
        return Response(parser.status, b"".join(pieces), headers)

    async def _upgrade(self, request: Request) -> Response:
        """Ask for another protocol, on a connection of its own."""
        parser = ResponseParser(self._limits, method=request.method, may_switch=True)
        try:
            stream, _ = await self._pool.borrow(fresh=True)
        except _BROKEN as error:
            raise ConnectionFailed(self._explain(error), perhaps_done=False) from error
        try:
            with trio.fail_after(self._limits.header_seconds):
                await stream.send_all(self._encode(request, upgrades=True))
                while not parser.header_complete:
                    await _receive(stream, parser)
        except BaseException as error:
            self._pool.discard(stream)
            if not isinstance(error, _BROKEN):
                raise
            raise ConnectionFailed(self._explain(error), perhaps_done=True) from error
        if parser.status != SWITCHING:
            body = ReceivedBody(self._pool, stream, parser)
            return Response(parser.status, body, _passed_on(parser.headers))

        async def talk(client: Duplex) -> None:
            try:
                await pump(client, stream, parser.rest)
            finally:
                self._pool.discard(stream)

        return Response(SWITCHING, b"", tuple(parser.headers), talk)

    def _encode(self, request: Request, *, upgrades: bool = False) -> bytes:
        target = join_target(self._address.prefix, request.path, request.query)
        lines = [f"{request.method} {target} HTTP/1.1", f"host: {self._address.host_header}"]
        headers = {**self._headers, **request.headers}
        lines += [f"{name}: {value}" for name, value in headers.items() if name not in _FRAMING]
        lines += [f"{name}: {value}" for name, value in request.repeated]
        if upgrades:
            lines.append("connection: Upgrade")
        if request.body or request.method not in _SAFE_METHODS:
            lines.append(f"content-length: {len(request.body)}")
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a header must not contain line breaks")
        return "\r\n".join([*lines, "\r\n"]).encode() + request.body

    def _explain(self, error: BaseException) -> str:
        reason = str(error) or type(error).__name__
        if isinstance(error, trio.TooSlowError):
            reason = "no answer in time"
        return f"{self._address.scheme}://{self._address.host_header}: {reason}"


class ReceivedBody:
    """A response's body piece by piece (a `k8slite.messages.Stream`)."""

    def __init__(self, pool: Pool, stream: ClientStream, parser: ResponseParser) -> None:
        self._pool = pool
        self._stream = stream
        self._parser = parser
        self._closed = False

    async def receive(self) -> bytes:
        """What has come since the last time; b"" at the end. Raises ConnectionFailed."""
        while not self._closed:
            piece = self._parser.take()
            if piece:
                return piece
            if self._parser.complete:
                self.close()
                break
            try:
                await _receive(self._stream, self._parser)
            except trio.ClosedResourceError:
                break  # closed by somebody else while this task waited
            except _BROKEN as error:
                self.close()
                raise ConnectionFailed(f"a stream broke: {error}", perhaps_done=True) from error
        return b""

    def close(self) -> None:
        """Let the connection go, back to where it can be used again if the body has ended."""
        if self._closed:
            return
        self._closed = True
        if self._parser.complete and self._parser.keep_alive:
            self._pool.give_back(self._stream)
        else:
            self._pool.discard(self._stream)


async def _receive(stream: ClientStream, parser: ResponseParser) -> None:
    data = await stream.receive_some(READ_BYTES)
    if data:
        parser.feed(data)
    else:
        parser.feed_end()


def _asks_for_stream(request: Request) -> bool:
    return request.parameter("watch") in _TRUE or request.parameter("follow") in _TRUE


def _passed_on(headers: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in headers if pair[0].lower() not in _HOPS)


# What this client says itself, or what concerns one connection only.
_FRAMING: Final = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "te", "transfer-encoding"}
)
_HOPS: Final = frozenset({"connection", "keep-alive", "transfer-encoding"})
