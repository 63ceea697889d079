"""Open files and sockets, build the Cluster, serve it, and stop it in order.

Stop: no new connections, running requests get a moment, components end, the store writes what it
has prepared, the lock is let go.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from errno import EADDRINUSE
from pathlib import Path
from typing import Final, Literal

import trio
from attrs import evolve, frozen

from k8slite.cluster import Cluster, Settings
from k8slite.faults.plan import Plan
from k8slite.live import kubeconfig
from k8slite.live.audit import Auditing, audit_log
from k8slite.live.authentication import Authentication, Reloading
from k8slite.live.certificates import Authority
from k8slite.live.data_directory import DataDirectory, replace_file
from k8slite.live.front_proxies import FrontProxies
from k8slite.live.measures import process_families
from k8slite.live.outbound import Outbound
from k8slite.live.past import StillWorld, read_only
from k8slite.live.programmed import Programmed
from k8slite.live.recorded import Past
from k8slite.live.recording import Recording
from k8slite.live.wire_faults import WireFaults
from k8slite.live.world import LiveWorld
from k8slite.messages import Handler, User
from k8slite.store.journaled import open_journaled
from k8slite.store.memory import MemoryStore
from k8slite.store.store import Store
from k8slite.wire.server import Server
from k8slite.wire.tls import TlsListener
from k8slite.world import World

# How long running requests may take once the cluster is asked to stop.
GRACE_SECONDS: Final = 5.0


class PortTaken(Exception):
    """Somebody else listens on the port, or it may not be listened on."""


@frozen
class Wanted:
    """How a cluster was asked to run."""

    path: Path
    name: str = "k8slite"  # of the kubeconfig's context
    bind: str = "127.0.0.1"
    port: int = 6443  # 0: any free one
    store: Literal["sqlite", "memory"] = "sqlite"
    settings: Settings = Settings()
    auditing: Auditing = Auditing()
    front_proxies: FrontProxies = FrontProxies()
    authentication: Authentication = Authentication()
    faults: Plan | None = None  # what clients are struck by, once all components run
    record: Path | None = None  # where everything is written down
    past: Past | None = None  # what is shown in the place of a cluster that lives

    @classmethod
    def of_past(cls, path: Path, port: int, minor: int, past: Past) -> Wanted:
        """A recorded state that can be read, with the files that clients need in `path`."""
        nobody = Settings(minor=minor, nodes=0, controllers=(), scheduler=False)
        return cls(path, "k8slite-replay", port=port, settings=nobody, past=past)


@frozen
class Running:
    """A cluster that answers."""

    url: str
    directory: DataDirectory
    cluster: Cluster
    faults: WireFaults


async def run(wanted: Wanted, ready: Callable[[Running], None]) -> signal.Signals | None:
    """Run until SIGINT or SIGTERM, also while it starts; `ready` is called when the API serves.

    Returns the signal if there was one before the cluster was ready. Raises DirectoryInUse,
    ForeignDirectory, PortTaken, StoreError, OSError or ValueError before anything is overwritten.
    """
    received: signal.Signals | None = None
    is_ready = False
    asked, starting = trio.Event(), trio.CancelScope()

    async def listen(signals: AsyncIterator[int]) -> None:
        nonlocal received
        async for number in signals:
            received = signal.Signals(number)
            asked.set()
            if not is_ready:
                starting.cancel()

    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen, signals)
            with starting:
                async with serving(wanted) as running:
                    is_ready = True
                    ready(running)
                    await asked.wait()
            nursery.cancel_scope.cancel()
    return None if is_ready else received


@asynccontextmanager
async def serving(wanted: Wanted) -> AsyncIterator[Running]:
    """A running, reachable cluster for as long as the block lasts."""
    directory = DataDirectory(wanted.path)
    with directory.held(), Outbound() as outbound:
        directory.write_state({"pid": os.getpid(), "name": wanted.name})
        async with (
            _audited(wanted) as wanted,
            listening(wanted.bind, wanted.port) as listeners,
            _serving(wanted, directory, listeners, outbound) as running,
        ):
            yield running


@asynccontextmanager
async def _audited(wanted: Wanted) -> AsyncIterator[Wanted]:
    async with audit_log(wanted.auditing) as log:
        yield evolve(wanted, settings=evolve(wanted.settings, audit=log))


@asynccontextmanager
async def _serving(
    wanted: Wanted,
    directory: DataDirectory,
    listeners: Sequence[trio.SocketListener],
    outbound: Outbound,
) -> AsyncIterator[Running]:
    address, port = _reachable(listeners[0])
    authority = Authority(directory.pki)
    authority.prepare(*_own_names(wanted.bind, address))
    url = f"https://{f'[{address}]' if ':' in address else address}:{port}"
    outbound.front_proxy = authority.front_proxy
    settings = evolve(
        wanted.settings,
        address=address,
        port=port,
        ca_bundle=authority.bundle,
        token_key=authority.token_key(),
        sign=authority.sign,
        webhooks=outbound,
        front_proxy=wanted.front_proxies.trust(authority),
        believed=wanted.front_proxies.believed,
        static_tokens={_token(directory): User("kubernetes-admin", ("system:masters",))},
    )
    authentication = wanted.authentication
    if authentication.is_asked_for:
        content = authentication.content()
        tokens = authentication.tokens(outbound, LiveWorld(), content)
        settings = evolve(settings, remote_tokens=tokens)
    context = authority.server_context()
    authorities = wanted.front_proxies.admit(authority, context)
    async with _store(wanted, directory) as store, trio.open_nursery() as nursery:
        world: World = LiveWorld()
        if wanted.past is not None:
            world = StillWorld(wanted.past.moment, world)
        cluster = Programmed(world).cluster(store, settings)
        cluster.measures["process"] = process_families
        if authentication.file:
            reloading = Reloading(authentication, tokens, content)
            cluster.measures["authentication-config"] = reloading.families
            nursery.start_soon(reloading.run)
        faults = WireFaults(cluster)
        await nursery.start(faults.run)
        handler: Handler = faults.handle
        if wanted.past is not None:
            handler = read_only(handler, store)
        elif wanted.record is not None:
            recording = Recording(wanted.record, store, world, settings.minor)
            handler = recording.before(handler)
            await nursery.start(recording.run)
        server = Server(handler)
        await nursery.start(
            server.serve, [TlsListener(listener, context, authorities) for listener in listeners]
        )
        if wanted.past is None:
            await nursery.start(cluster.run)
        if wanted.faults is not None:
            faults.arm(wanted.faults)
        kubeconfig.write(directory.kubeconfig, kubeconfig.kubeconfig(url, authority, wanted.name))
        directory.write_state({"pid": os.getpid(), "name": wanted.name, "url": url})
        try:
            yield Running(url, directory, cluster, faults)
        finally:
            with trio.CancelScope(shield=True):
                cluster.stopping = True
                await server.stop(GRACE_SECONDS)
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def listening(bind: str, port: int) -> AsyncIterator[list[trio.SocketListener]]:
    """Sockets that are closed at the end, whoever else has closed them before."""
    try:
        # As bytes: for a text Python loads all that it takes to spell names of other languages.
        listeners = await trio.open_tcp_listeners(
            port, host=bind.encode() if bind.isascii() else bind
        )
    except (OSError, UnicodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        hint = "; choose another with --port" if getattr(error, "errno", 0) == EADDRINUSE else ""
        raise PortTaken(f"cannot listen on {bind}:{port}: {why}{hint}") from None
    try:
        # With port 0 each address of a name has got a port of its own, but a cluster has one.
        yield listeners if port else listeners[:1]
    finally:
        for listener in listeners:
            listener.socket.close()


def _reachable(listener: trio.SocketListener) -> tuple[str, int]:
    """The address and port at which this computer's clients reach a listener."""
    address, port = listener.socket.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address), port


def _own_names(bind: str, address: str) -> tuple[list[str], list[str]]:
    """The addresses and names that the server's certificate is for.

    Who listens everywhere is to be found from elsewhere: by the computer's name and by the
    address that it has to the outside.
    """
    if bind not in ("0.0.0.0", "::"):
        return [address], []
    family = socket.AF_INET6 if bind == "::" else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent by this; the addresses are those that documentation may use.
            probe.connect(("2001:db8::1" if bind == "::" else "192.0.2.1", 9))
        except OSError:
            return [address], [socket.gethostname()]  # there is no outside
        return [address, probe.getsockname()[0]], [socket.gethostname()]


@asynccontextmanager
async def _store(wanted: Wanted, directory: DataDirectory) -> AsyncIterator[Store]:
    if wanted.past is not None:
        async with open_journaled(wanted.past) as store:
            yield store
        return
    if wanted.store == "memory":
        yield MemoryStore()
        return
    from k8slite.store.sqlite import open_sqlite  # a memory store pays nothing for it

    async with open_sqlite(directory.store) as kept:
        yield kept


def _token(directory: DataDirectory) -> str:
    """The administrator's bearer token, made once."""
    if not directory.token.exists():
        replace_file(directory.token, f"{secrets.token_urlsafe(32)}\n".encode())
    token = directory.token.read_text(errors="replace").strip()
    if not token:
        raise ValueError(f"{directory.token} is empty; delete it to have a new token made")
    return token
