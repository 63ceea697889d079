"""The network of pretended containers: who listens where, and how they are spoken to. No sockets.

A port belongs to an address: the containers of a pod share its ports, pods in their node's network
those of the node. What is sent to a port reaches its listener as a whole request or datagram.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address
from typing import Final, Literal
from typing import Protocol as PortProtocol

import trio
from attrs import Factory, define, evolve, field, frozen

from k8slite.kubelet.runtimes.resolving import Resolver, in_hosts, resolver_of
from k8slite.messages import Disconnected, Duplex, Handler, Peer, Request, Response

Protocol = Literal["TCP", "UDP"]
# What is answered to a datagram from an address; None: nothing.
Datagrams = Callable[[bytes, str], bytes | None]
# The health of a service of gRPC, by its name: "SERVING" and so on, None for one that is not there.
Health = Callable[[str], str | None]

_EPHEMERAL: Final = range(32768, 61000)  # as Linux gives ports to clients
_ALIASES_MOST: Final = 8  # names of names
LOOPBACK: Final = "127.0.0.1"
_LOOPBACK: Final = ("localhost", LOOPBACK, "::1", "0.0.0.0", "")


@define(eq=False)
class Listener:
    """Who listens on a port."""

    answer: Handler | None = None  # HTTP
    tls: bool = False
    datagram: Datagrams | None = None
    health: Health | None = None  # gRPC's
    _release: Callable[[], None] | None = field(init=False, default=None)
    _talks: list[trio.CancelScope] = field(init=False, factory=list)

    def opened(self, release: Callable[[], None]) -> None:
        """It listens, until `release` is called."""
        self._release = release

    def close(self) -> None:
        """Listen no more; what is being said is cut off. Safe to repeat."""
        if self._release is not None:
            self._release()
            self._release = None
        for scope in self._talks:
            scope.cancel()

    @contextmanager
    def talking(self) -> Iterator[trio.CancelScope]:
        """A conversation, which ends with it."""
        with trio.CancelScope() as scope:
            self._talks.append(scope)
            try:
                yield scope
            finally:
                self._talks.remove(scope)


class Target(PortProtocol):
    """A port that a name of a service stands for (a record SRV)."""

    @property
    def port(self) -> int: ...

    @property
    def host(self) -> str: ...


class Routes(PortProtocol):
    """Where names and addresses of services lead. Each raises TimeoutError if nobody knows."""

    async def addresses(self, name: str) -> Sequence[str]:
        """The addresses of a whole name; none where there is none."""
        ...

    async def alias(self, name: str) -> str:
        """What a whole name is another name of; "" for none."""
        ...

    async def targets(self, name: str) -> Sequence[Target]:
        """What a whole name of a service's port stands for."""
        ...

    async def endpoint(
        self, address: str, port: int, protocol: str, source: str
    ) -> tuple[str, int] | None:
        """Where the address of a service or a node leads that a pod has dialled, or LOOPBACK; None
        where nobody else is meant.

        Raises ConnectionRefusedError.
        """
        ...


@define(eq=False)
class Network:
    """All ports of a cluster's pretended containers."""

    routes: Routes | None = None
    _listeners: dict[tuple[str, Protocol, int], Listener] = field(factory=dict)
    _clients: int = 0

    def listen(
        self, addresses: Sequence[str], port: int, listener: Listener, protocol: Protocol = "TCP"
    ) -> Listener:
        """Have somebody listen at a port of all the addresses. Raises OSError if it is taken."""
        keys = [(address, protocol, port) for address in addresses]
        if any(key in self._listeners for key in keys):
            text = f"listen {protocol.lower()} :{port}: bind: address already in use"
            raise OSError(errno.EADDRINUSE, text)
        for key in keys:
            self._listeners[key] = listener

        def release() -> None:
            for key in keys:
                del self._listeners[key]

        listener.opened(release)
        return listener

    def listens(self, address: str, port: int, protocol: Protocol = "TCP") -> bool:
        """Whether somebody does there."""
        return (address, protocol, port) in self._listeners

    def find(self, address: str, port: int, protocol: Protocol = "TCP") -> Listener:
        """Who listens there. Raises ConnectionRefusedError."""
        found = self._listeners.get((address, protocol, port))
        if found is None:
            where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
            text = f"dial {protocol.lower()} {where}: connect: connection refused"
            raise ConnectionRefusedError(text)
        return found

    async def call(
        self, address: str, port: int, request: Request, *, tls: bool = False
    ) -> Response:
        """Ask over HTTP. Raises OSError where there is no answer."""
        await trio.lowlevel.checkpoint()
        listener = self.find(address, port)
        if listener.answer is None:
            raise ConnectionResetError("malformed HTTP response")
        if tls and not listener.tls:
            raise ConnectionResetError("http: server gave HTTP response to HTTPS client")
        if listener.tls and not tls:
            text = b"Client sent an HTTP request to an HTTPS server.\n"
            return Response(400, text, (("Content-Type", "text/plain; charset=utf-8"),))
        with listener.talking():
            try:
                return await listener.answer(request)
            except Disconnected:
                raise ConnectionResetError("EOF") from None
        raise ConnectionResetError("EOF")

    def send(self, address: str, port: int, data: bytes, source: str) -> bytes | None:
        """Send a datagram; what comes back, None for nothing. Raises ConnectionRefusedError."""
        listener = self.find(address, port, "UDP")
        return listener.datagram(data, source) if listener.datagram is not None else None

    async def converse(self, address: str, port: int, duplex: Duplex) -> None:
        """Speak HTTP byte by byte, until either end has had enough. Raises OSError."""
        from k8slite.wire.carried import serve_carried  # a start pays nothing for it

        listener = self.find(address, port)
        with listener.talking():
            await serve_carried(duplex, partial(self.call, address, port, tls=listener.tls))

    def source(self, address: str) -> str:
        """HOST:PORT of a new client at an address."""
        self._clients += 1
        port = _EPHEMERAL[self._clients % len(_EPHEMERAL)]
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@frozen(eq=False)
class Interface:
    """A pod's end of the network."""

    network: Network = field(factory=Network)
    addresses: tuple[str, ...] = ("127.0.0.1",)
    files: Mapping[str, bytes] = Factory(dict)  # among them what says where names are looked up

    @property
    def address(self) -> str:
        """The pod's own address."""
        return self.addresses[0]

    @contextmanager
    def listening(
        self, port: int, listener: Listener, protocol: Protocol = "TCP"
    ) -> Iterator[Listener]:
        """Have somebody listen at a port of the pod meanwhile. Raises OSError if it is taken."""
        self.network.listen(self.addresses, port, listener, protocol)
        try:
            yield listener
        finally:
            listener.close()

    async def call(self, host: str, port: int, request: Request, *, tls: bool = False) -> Response:
        """Ask somebody over HTTP. Raises OSError where there is no answer."""
        peer = Peer(self.network.source(self.address))
        found, at = await self.found(host, port, "TCP")
        return await self.network.call(found, at, evolve(request, peer=peer), tls=tls)

    async def send(self, host: str, port: int, data: bytes) -> bytes | None:
        """Send a datagram; what comes back, None for nothing. Raises OSError."""
        found, at = await self.found(host, port, "UDP")
        return self.network.send(found, at, data, self.network.source(self.address))

    async def connect(self, host: str, port: int) -> None:
        """Connect with somebody, and let go. Raises OSError where nobody listens."""
        self.network.find(*await self.found(host, port, "TCP"))

    async def found(self, host: str, port: int, protocol: Protocol) -> tuple[str, int]:
        """Where a host's port really is. Raises NoSuchHost, and OSError where it leads nowhere."""
        await trio.lowlevel.checkpoint()
        if host not in _LOOPBACK:
            try:
                ip_address(host)
            except ValueError:
                _, addresses = await self.looked_up(host)
                host = next((one for one in addresses if ":" not in one), addresses[0])
        own = host in _LOOPBACK
        address, network = self.address if own else host, self.network
        if network.listens(address, port, protocol) or network.routes is None:
            return address, port
        asked = LOOPBACK if own else host
        led = await network.routes.endpoint(asked, port, protocol, self.address)
        return (address, port) if led is None else led

    async def looked_up(self, name: str) -> tuple[str, Sequence[str]]:
        """A name's whole form, and its addresses. Raises NoSuchHost, TimeoutError."""
        written = in_hosts(self.files, name)
        if written is not None:
            return written
        resolver, routes = self.resolver(), self.network.routes
        if routes is not None and resolver.servers:
            for whole in resolver.candidates(name):
                for _ in range(_ALIASES_MOST):
                    found = await routes.addresses(whole)
                    if found:
                        return whole, found
                    alias = await routes.alias(whole)
                    if not alias:
                        break
                    whole = alias.rstrip(".")
        server = next(iter(resolver.servers), "127.0.0.1")
        raise NoSuchHost(f"lookup {name} on {server}:53: no such host")

    def resolver(self) -> Resolver:
        """How names are looked up."""
        return resolver_of(self.files.get("/etc/resolv.conf", b"").decode(errors="replace"))


class NoSuchHost(OSError):
    """There is no address of that name."""
