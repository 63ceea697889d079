"""Open files and sockets, build the Cluster, serve it, and stop it in order.

Stop: no new connections, running requests get a moment, components end, the store writes what it
has prepared, the lock is let go.
"""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import trio
from attrs import evolve, frozen

from k8slite.cluster import Cluster, Settings
from k8slite.live import kubeconfig
from k8slite.live.certificates import Authority
from k8slite.live.data_directory import DataDirectory
from k8slite.live.world import LiveWorld
from k8slite.messages import User
from k8slite.store.memory import MemoryStore
from k8slite.store.store import Store
from k8slite.wire.server import Server
from k8slite.wire.tls import TlsListener

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


@frozen
class Running:
    """A cluster that answers."""

    url: str
    directory: DataDirectory
    cluster: Cluster


async def run(wanted: Wanted, ready: Callable[[Running], None]) -> None:
    """Run until SIGINT or SIGTERM; `ready` is called when the API serves.

    Raises DirectoryInUse, PortTaken, StoreError or OSError before anything is overwritten.
    """
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with serving(wanted) as running:
            ready(running)
            async for _ in signals:
                return


@asynccontextmanager
async def serving(wanted: Wanted) -> AsyncIterator[Running]:
    """A running, reachable cluster for as long as the block lasts."""
    directory = DataDirectory(wanted.path)
    with directory.held():
        listeners = await _listen(wanted.bind, wanted.port)
        port = listeners[0].socket.getsockname()[1]
        authority = Authority(directory.pki)
        address = "127.0.0.1" if wanted.bind in ("0.0.0.0", "::", "localhost") else wanted.bind
        authority.prepare([address])
        url = f"https://{f'[{address}]' if ':' in address else address}:{port}"
        settings = evolve(
            wanted.settings,
            address=address,
            port=port,
            ca_bundle=authority.bundle,
            token_key=authority.token_key(),
            static_tokens={_token(directory): User("kubernetes-admin", ("system:masters",))},
        )
        async with _store(wanted, directory) as store, trio.open_nursery() as nursery:
            cluster = Cluster(store, LiveWorld(), settings)
            server = Server(cluster.handler)
            context = authority.server_context()
            await nursery.start(
                server.serve, [TlsListener(listener, context) for listener in listeners]
            )
            await nursery.start(cluster.run)
            kubeconfig.write(
                directory.kubeconfig, kubeconfig.kubeconfig(url, authority, wanted.name)
            )
            directory.write_state({"pid": os.getpid(), "url": url, "name": wanted.name})
            try:
                yield Running(url, directory, cluster)
            finally:
                with trio.CancelScope(shield=True):
                    await server.stop(GRACE_SECONDS)
                nursery.cancel_scope.cancel()


async def _listen(bind: str, port: int) -> list[trio.SocketListener]:
    try:
        return await trio.open_tcp_listeners(port, host=bind)
    except OSError as error:
        why = error.strerror or str(error)
        raise PortTaken(f"cannot listen on {bind}:{port}: {why}") from None


@asynccontextmanager
async def _store(wanted: Wanted, directory: DataDirectory) -> AsyncIterator[Store]:
    if wanted.store == "memory":
        yield MemoryStore()
        return
    from k8slite.store.sqlite import open_sqlite  # a memory store pays nothing for it

    async with open_sqlite(directory.store) as store:
        yield store


def _token(directory: DataDirectory) -> str:
    """The administrator's bearer token, made once."""
    if not directory.token.exists():
        directory.token.touch(mode=0o600)
        directory.token.write_text(secrets.token_urlsafe(32) + "\n")
    return directory.token.read_text().strip()
