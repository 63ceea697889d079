"""A cluster inside somebody else's process, on a free port of the loopback.

By default its store is memory and nothing is written to disk but a process' one set of
certificates, in a temporary directory that goes with the process: a test can have hundreds of
clusters. With a data directory it is the same cluster as `k8slite up` runs there. Without TLS,
whoever reaches the port and shows nothing else is the administrator (as upstream's insecure port
had it): clients leave their credentials away on a plain connection.
"""

from __future__ import annotations

import atexit
import base64
import secrets
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import trio
from attrs import define, evolve, field, frozen
from cryptography.hazmat.primitives.asymmetric import ec
from trio.abc import Listener

from k8slite.client.resource import SERVICE_ACCOUNTS
from k8slite.cluster import Cluster, Settings
from k8slite.controllers.identity.serviceaccount import ServiceAccountController, account
from k8slite.kubelet.runtimes.rules import Rules
from k8slite.live import kubeconfig
from k8slite.live.certificates import Authority
from k8slite.live.clock import MovableClock, MovableWorld
from k8slite.live.data_directory import DataDirectory
from k8slite.live.front_proxies import FrontProxies
from k8slite.live.outbound import Outbound
from k8slite.live.past import read_only
from k8slite.live.programmed import Programmed
from k8slite.live.request_log import RequestLog
from k8slite.live.run import GRACE_SECONDS, listening
from k8slite.live.wire_faults import WireFaults
from k8slite.messages import Handler, Request, Response, User
from k8slite.objects.errors import AlreadyExists
from k8slite.store.memory import MemoryStore
from k8slite.store.store import Store
from k8slite.wire.server import Server
from k8slite.wire.tls import TlsListener

Json = dict[str, Any]
_Kind = tuple[int, int, tuple[str, ...], bool]

# Beginnings of clusters that are remembered, one for each way to set one up.
BEGUN_MOST: Final = 16
ADDRESS: Final = "127.0.0.1"
NAMESPACE: Final = "default"  # where who says nothing else works
ADMINISTRATOR: Final = User("kubernetes-admin", ("system:masters",))


@frozen
class Embedding:
    """What is wanted."""

    settings: Settings = Settings()
    tls: bool = True
    path: Path | None = None  # the data directory; None: in memory
    store: MemoryStore | None = None  # what there is already; None: nothing
    # False: the API answers, and nobody lives there; it can be read and not be written.
    runs: bool = True

    @property
    def fresh(self) -> bool:
        """Whether it is a cluster of memory that begins with nothing."""
        return self.path is None and self.store is None and self.runs

    @property
    def kind(self) -> _Kind:
        """What its beginning depends on."""
        settings = self.settings
        return settings.minor, settings.nodes, settings.controllers, settings.scheduler


@define(eq=False)
class Embedded:
    """A cluster that answers."""

    url: str
    config: Json  # the administrator's kubeconfig
    token: str
    authorities: str  # PEM, of the server's certificate; "" without TLS
    cluster: Cluster
    clock: MovableClock
    requests: RequestLog
    server: Server
    rules: Rules
    faults: WireFaults
    ready: trio.Event = field(factory=trio.Event)  # every component has synced

    async def live(self, nursery: trio.Nursery) -> None:
        """Have the cluster's components run in a nursery."""
        await nursery.start(self.cluster.run)
        self.ready.set()

    async def advance(self, seconds: float) -> None:
        """Move the clock forward from one deadline to the next, and let everybody do what is due.

        Whoever is on the other side of a socket is not waited for. Raises ValueError.
        """
        if seconds < 0:
            raise ValueError("a clock moves forward only")
        from trio.testing import wait_all_tasks_blocked  # brings pytest along

        await self.ready.wait()
        until = trio.current_time() + seconds
        await wait_all_tasks_blocked()
        while (left := until - trio.current_time()) > 0:
            waiting = trio.lowlevel.current_statistics().seconds_to_next_deadline
            step = min(max(waiting, 0.0), left)
            self.clock.move(step)
            self.server.forgive(step)
            await wait_all_tasks_blocked()


@asynccontextmanager
async def embedded(wanted: Embedding, clock: MovableClock) -> AsyncIterator[Embedded]:
    """A reachable cluster for as long as the block lasts; `clock` is the running loop's.

    Raises DirectoryInUse, ForeignDirectory, StoreError or OSError.
    """
    async with AsyncExitStack() as stack:
        outbound = stack.enter_context(Outbound())
        begun = wanted.store or _begun(wanted)
        store: Store = begun or MemoryStore()
        if wanted.path is None:
            trust = _trust_of_process()
        else:
            directory = DataDirectory(wanted.path)
            stack.enter_context(directory.held())
            trust = _Trust.of(directory.pki, durable=True)
            from k8slite.store.sqlite import open_sqlite  # a memory store pays nothing for it

            store = await stack.enter_async_context(open_sqlite(directory.store))
        listeners = await stack.enter_async_context(listening(ADDRESS, 0))
        port = listeners[0].socket.getsockname()[1]
        url = f"{'https' if wanted.tls else 'http'}://{ADDRESS}:{port}"
        token = secrets.token_urlsafe(32)
        outbound.front_proxy = trust.authority.front_proxy
        settings = evolve(
            wanted.settings,
            address=ADDRESS,
            port=port,
            ca_bundle=trust.bundle,
            token_key=trust.token_key,
            sign=trust.authority.sign,
            webhooks=outbound,
            front_proxy=FrontProxies().trust(trust.authority),
            static_tokens={token: ADMINISTRATOR},
        )
        programmed = Programmed(MovableWorld(clock))
        cluster = programmed.cluster(store, settings)
        faults = WireFaults(cluster)
        requests = RequestLog(faults.handle, cluster.world.now)
        handler: Handler = requests.handle if wanted.runs else read_only(requests.handle, store)
        server = Server(handler if wanted.tls else _trusting(handler))
        found = Embedded(
            url,
            _kubeconfig(url, token, trust, wanted),
            token,
            trust.bundle if wanted.tls else "",
            cluster,
            clock,
            requests,
            server,
            programmed.rules,
            faults,
        )
        nursery = await stack.enter_async_context(trio.open_nursery())
        stack.callback(nursery.cancel_scope.cancel)
        await nursery.start(faults.run)
        reached: Sequence[Listener[Any]] = listeners
        if wanted.tls:
            reached = [TlsListener(one, trust.context) for one in listeners]
        await nursery.start(server.serve, reached)
        if wanted.runs:
            nursery.start_soon(found.live, nursery)
            if begun is None:
                await _begin(cluster)
                _remember(wanted, store)
            # The other components take up what there is while the cluster is used already.
        try:
            yield found
        finally:
            with trio.CancelScope(shield=True):
                await server.stop(GRACE_SECONDS)


async def _begin(cluster: Cluster) -> None:
    """Wait for its nodes; what the first pod needs does not wait for the controller of accounts."""
    await cluster.usable.wait()
    if not cluster.settings.runs(ServiceAccountController.name):
        return
    client = cluster.client(f"controller:{ServiceAccountController.name}")
    with suppress(AlreadyExists):
        await client.create(SERVICE_ACCOUNTS, account(NAMESPACE), NAMESPACE)


def _begun(wanted: Embedding) -> MemoryStore | None:
    """A cluster as the first one of this process was when it had begun."""
    known = _BEGUN.get(wanted.kind) if wanted.fresh else None
    return known.copy() if known is not None else None


def _remember(wanted: Embedding, store: Store) -> None:
    if wanted.fresh and isinstance(store, MemoryStore) and len(_BEGUN) < BEGUN_MOST:
        _BEGUN[wanted.kind] = store.copy()


def _trusting(handler: Handler) -> Handler:
    """Who shows nothing is the administrator."""

    async def trust(request: Request) -> Response:
        if "authorization" not in request.headers:
            request = evolve(request, peer=evolve(request.peer, user=ADMINISTRATOR))
        return await handler(request)

    return trust


def _kubeconfig(url: str, token: str, trust: _Trust, wanted: Embedding) -> Json:
    if not wanted.tls:
        return kubeconfig.config("k8slite", {"server": url}, {"token": token})
    if wanted.path is not None:
        return kubeconfig.kubeconfig(url, trust.authority, "k8slite")
    data = base64.b64encode(trust.bundle.encode()).decode()
    cluster = {"server": url, "certificate-authority-data": data}
    return kubeconfig.config("k8slite", cluster, {"token": token})


@frozen(eq=False)
class _Trust:
    """An authority, and what is made of its files once for all clusters that share it."""

    authority: Authority
    bundle: str
    token_key: ec.EllipticCurvePrivateKey
    context: ssl.SSLContext

    @classmethod
    def of(cls, path: Path, *, durable: bool) -> _Trust:
        authority = Authority(path, durable)
        authority.prepare([ADDRESS], admin=durable)
        return cls(authority, authority.bundle, authority.token_key(), authority.server_context())


@lru_cache(maxsize=1)
def _trust_of_process() -> _Trust:
    """One CA for all clusters of this process; its directory goes with the process."""
    path = tempfile.mkdtemp(prefix="k8slite-pki-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return _Trust.of(Path(path), durable=False)


_BEGUN: Final[dict[_Kind, MemoryStore]] = {}
