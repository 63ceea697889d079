"""A client's connections: kept open between requests, lent to one request at a time."""

from __future__ import annotations

import ssl
from typing import Final
from urllib.parse import urlsplit

import trio
from attrs import frozen

from k8slite.wire.limits import ClientLimits
from k8slite.wire.tls import TlsStream
from k8slite.wire.transport import SocketTransport

ClientStream = SocketTransport | TlsStream


@frozen
class Address:
    """Where a server is: `http://host:port/prefix`, `https://...` or `unix:/path/of/socket`."""

    scheme: str
    host: str  # a Unix socket's path
    port: int
    prefix: str  # of every path; without a slash at its end

    @staticmethod
    def parse(base_url: str) -> Address:
        """Raises ValueError for what is not one of the three forms."""
        parts = urlsplit(base_url)
        if parts.scheme == "unix" and parts.path:
            return Address("unix", parts.path, 0, "")
        if parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{base_url!r} is not the address of an HTTP server")
        port = parts.port or _PORTS[parts.scheme]
        return Address(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))

    @property
    def host_header(self) -> str:
        """What the Host header says; a port that goes without saying is left out."""
        if self.scheme == "unix":
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class Pool:
    """Connections to one address."""

    def __init__(
        self,
        address: Address,
        ssl_context: ssl.SSLContext | None,
        limits: ClientLimits,
        server_name: str = "",
    ) -> None:
        self._address = address
        if address.scheme == "https" and ssl_context is None:
            ssl_context = ssl.create_default_context()
        self._ssl_context = ssl_context
        self._limits = limits
        self._server_name = server_name or address.host
        self._room = trio.Semaphore(limits.max_connections)
        self._idle: list[tuple[ClientStream, float]] = []  # with the time of their return
        self._closed = False

    async def borrow(self, *, fresh: bool) -> tuple[ClientStream, bool]:
        """A connection, and whether it has been used before; `fresh` forbids the latter.

        Every one must be given to `give_back` or `discard`. Raises OSError,
        `trio.BrokenResourceError` or `trio.TooSlowError` when the server cannot be reached.
        """
        await self._room.acquire()
        try:
            if not fresh:
                kept = self._take_kept()
                if kept is not None:
                    return kept, True
            with trio.fail_after(self._limits.connect_seconds):
                return await self._dial(), False
        except BaseException:
            self._room.release()
            raise

    def give_back(self, stream: ClientStream) -> None:
        """The response has ended well, and the connection may be used again."""
        if self._closed or len(self._idle) >= self._limits.max_idle_connections:
            self.discard(stream)
            return
        self._idle.append((stream, trio.current_time()))
        self._room.release()

    def discard(self, stream: ClientStream) -> None:
        """Close it."""
        stream.close()
        self._room.release()

    def close(self) -> None:
        """Close what is kept; what is lent is closed when it comes back."""
        self._closed = True
        while self._idle:
            self._idle.pop()[0].close()

    def _take_kept(self) -> ClientStream | None:
        oldest = trio.current_time() - self._limits.idle_seconds
        while self._idle:
            stream, since = self._idle.pop()
            # Readable means that the server has closed it, or says something unasked.
            if since >= oldest and not stream.readable():
                return stream
            stream.close()
        return None

    async def _dial(self) -> ClientStream:
        address = self._address
        if address.scheme == "unix":
            return SocketTransport(await trio.open_unix_socket(address.host))
        transport = SocketTransport(await trio.open_tcp_stream(address.host, address.port))
        if address.scheme == "http":
            return transport
        assert self._ssl_context is not None
        stream = TlsStream(transport, self._ssl_context, server_hostname=self._server_name)
        try:
            await stream.do_handshake()
        except BaseException:
            stream.close()
            raise
        return stream


_PORTS: Final = {"http": 80, "https": 443}
