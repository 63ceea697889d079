"""A cluster in this process, for blocking code and for async code of trio and asyncio.

    with k8slite.testing.start() as cluster:             # or cluster.stop(); unittest, scripts
        cluster.apply("manifests/")
        cluster.wait_for("deployment/web", "Available")

    async with k8slite.testing.running() as cluster:     # in trio or asyncio
        await cluster.apply("manifests/")

The cluster lives in a thread with an event loop of its own, so that blocking clients can talk to
it from the thread that started it. What it can do is in `operations`; here are its two faces.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import trio

from k8slite.cluster import DEFAULT_MINOR
from k8slite.live.collection import uncollected
from k8slite.live.data_directory import DirectoryInUse, replace_file
from k8slite.live.embedded import Embedded
from k8slite.live.kubeconfig import to_yaml
from k8slite.live.loop import awaited, in_trio
from k8slite.testing import forgotten
from k8slite.testing.clients import Clients
from k8slite.testing.operations import WAIT_SECONDS, Operations, Timeout
from k8slite.testing.programming import Programming
from k8slite.testing.snapshots import Snapshot
from k8slite.testing.starting import Begun, begin

P = ParamSpec("P")
T = TypeVar("T")
Json = dict[str, Any]


def blocking(
    operation: Callable[Concatenate[Operations, P], Awaitable[T]],
) -> Callable[Concatenate[Cluster, P], T]:
    """An operation as a method that waits for it."""

    @wraps(operation)
    def call(self: Cluster, /, *arguments: P.args, **named: P.kwargs) -> T:
        bound = partial(operation, self._operations, *arguments, **named)
        return self._loop.submit(bound).result()

    return call


def awaiting(
    operation: Callable[Concatenate[Operations, P], Awaitable[T]],
) -> Callable[Concatenate[AsyncCluster, P], Awaitable[T]]:
    """An operation as a method that is awaited, in any event loop."""

    @wraps(operation)
    async def call(self: AsyncCluster, /, *arguments: P.args, **named: P.kwargs) -> T:
        bound = partial(operation, self._operations, *arguments, **named)
        return await awaited(self._loop.submit(bound))

    return call


class _Face(Programming):
    """What is known of a running cluster without asking it."""

    def __init__(self, begun: Begun, hosted: Embedded) -> None:
        self._begun = begun
        self._loop = begun.loop
        self._embedded = hosted
        self._operations = Operations(hosted)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.clients: Final = Clients(hosted)

    @property
    def url(self) -> str:
        """Where the API is: on 127.0.0.1, a port of its own."""
        return self._embedded.url

    @property
    def token(self) -> str:
        """The administrator's bearer token."""
        return self._embedded.token

    @property
    def config(self) -> Json:
        """The administrator's kubeconfig, decoded."""
        return self._embedded.config

    @property
    def kubeconfig(self) -> Path:
        """The path of the administrator's kubeconfig; written when it is first asked for."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="k8slite-")
            replace_file(Path(self._folder.name) / "kubeconfig", to_yaml(self.config).encode())
        return Path(self._folder.name) / "kubeconfig"

    def _left(self) -> None:
        forgotten.stopped(self._begun.loop)
        self.clients.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


class Cluster(_Face):
    """A running cluster, for blocking code. Use it as `with`, or `stop` it."""

    def stop(self) -> None:
        """End everything; returns when no thread, socket or file of it is left. Safe to repeat."""
        self._left()
        self._loop.close().result()
        self._loop.join()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def fork(self, snapshot: Snapshot | None = None) -> Cluster:
        """Another cluster that begins with a snapshot, by default with what there is now."""
        return _started(self._begun.forked(snapshot or self.snapshot()))

    def at(self, revision: int) -> Cluster:
        """The cluster as it was at a revision of the last five minutes, to be read as if it were
        now. Stop it like any other. Raises Compacted or FutureRevision."""
        return _started(self._begun.past(self.snapshot(revision)))

    def wait_until(self, holds: Callable[[], T], *, timeout_seconds: float = WAIT_SECONDS) -> T:
        """Call a function until what it returns is true, whenever the cluster has changed and ten
        times a second; returns that. Raises Timeout, which tells what it returned last."""
        end = self._now() + timeout_seconds
        while True:
            revision = self.revision()
            found = holds()
            if found:
                return found
            if self._now() > end:
                raise Timeout(f"still {found!r} after {timeout_seconds:g} s")
            self._changed(revision)

    get = blocking(Operations.get)
    list = blocking(Operations.list)
    apply = blocking(Operations.apply)
    delete = blocking(Operations.delete)
    namespace = blocking(Operations.namespace)
    create_token = blocking(Operations.create_token)
    logs = blocking(Operations.logs)
    wait_for = blocking(Operations.wait_for)
    ready = blocking(Operations.ready)
    play = blocking(Operations.play)
    address = blocking(Operations.address)
    drain = blocking(Operations.drain)
    uncordon = blocking(Operations.uncordon)
    silence_node = blocking(Operations.silence_node)
    wake_node = blocking(Operations.wake_node)
    arm_faults = blocking(Operations.arm_faults)
    heal_faults = blocking(Operations.heal_faults)
    faults = blocking(Operations.faults)
    events = blocking(Operations.events)
    assert_event = blocking(Operations.assert_event)
    requests = blocking(Operations.requests)
    assert_request = blocking(Operations.assert_request)
    forget_requests = blocking(Operations.forget_requests)
    advance = blocking(Operations.advance)
    revision = blocking(Operations.revision)
    snapshot = blocking(Operations.snapshot)
    restore = blocking(Operations.restore)
    _now = blocking(Operations.now)
    _changed = blocking(Operations.changed)


class AsyncCluster(_Face):
    """A running cluster, for code of trio or asyncio: what `running` gives."""

    async def wait_until(
        self, holds: Callable[[], Awaitable[T]], *, timeout_seconds: float = WAIT_SECONDS
    ) -> T:
        """Await a function until what it returns is true; see `Cluster.wait_until`."""
        end = await self._now() + timeout_seconds
        while True:
            revision = await self.revision()
            found = await holds()
            if found:
                return found
            if await self._now() > end:
                raise Timeout(f"still {found!r} after {timeout_seconds:g} s")
            await self._changed(revision)

    def fork(self, snapshot: Snapshot) -> running:
        """Another cluster that begins with a snapshot: `async with cluster.fork(...) as other`."""
        return running._of(self._begun.forked(snapshot))

    def past(self, snapshot: Snapshot) -> running:
        """What was, to be read as if it were now: `async with cluster.past(...) as then`."""
        return running._of(self._begun.past(snapshot))

    get = awaiting(Operations.get)
    list = awaiting(Operations.list)
    apply = awaiting(Operations.apply)
    delete = awaiting(Operations.delete)
    namespace = awaiting(Operations.namespace)
    create_token = awaiting(Operations.create_token)
    logs = awaiting(Operations.logs)
    wait_for = awaiting(Operations.wait_for)
    ready = awaiting(Operations.ready)
    play = awaiting(Operations.play)
    address = awaiting(Operations.address)
    drain = awaiting(Operations.drain)
    uncordon = awaiting(Operations.uncordon)
    silence_node = awaiting(Operations.silence_node)
    wake_node = awaiting(Operations.wake_node)
    arm_faults = awaiting(Operations.arm_faults)
    heal_faults = awaiting(Operations.heal_faults)
    faults = awaiting(Operations.faults)
    events = awaiting(Operations.events)
    assert_event = awaiting(Operations.assert_event)
    requests = awaiting(Operations.requests)
    assert_request = awaiting(Operations.assert_request)
    forget_requests = awaiting(Operations.forget_requests)
    advance = awaiting(Operations.advance)
    revision = awaiting(Operations.revision)
    snapshot = awaiting(Operations.snapshot)
    restore = awaiting(Operations.restore)
    _now = awaiting(Operations.now)
    _changed = awaiting(Operations.changed)


def start(
    *,
    version: str = f"1.{DEFAULT_MINOR}",
    nodes: int = 3,
    controllers: Sequence[str] = ("*",),
    scheduler: bool = True,
    tls: bool = True,
    data_dir: str | os.PathLike[str] | None = None,
) -> Cluster:
    """Start a cluster; it can be used when this returns.

    `version` is that of Kubernetes, "1.30" to "1.37"; `controllers` says which run, as upstream's
    flag of that name does: "*", "NAME", "-NAME". Without `tls` the API is at an http:// URL and
    whoever reaches it is the administrator. With `data_dir` the cluster is kept there, and is the
    same when it is started again. Raises ValueError for what cannot be, DirectoryInUse.
    """
    return _started(begin(version, nodes, controllers, scheduler, tls, data_dir))


class running:  # noqa: N801 (it is called like a function)
    """A cluster for an `async with` block, in trio or asyncio; takes what `start` takes."""

    def __init__(
        self,
        *,
        version: str = f"1.{DEFAULT_MINOR}",
        nodes: int = 3,
        controllers: Sequence[str] = ("*",),
        scheduler: bool = True,
        tls: bool = True,
        data_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        self._begun = begin(version, nodes, controllers, scheduler, tls, data_dir)
        self._cluster: AsyncCluster | None = None

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"running(...) has no {name}: enter it first, "
            "`async with k8slite.testing.running() as cluster`"
        )

    @classmethod
    def _of(cls, begun: Begun) -> running:
        self = cls.__new__(cls)
        self._begun, self._cluster = begun, None
        return self

    async def __aenter__(self) -> AsyncCluster:
        forgotten.started(self._begun.loop, self._begun.where)
        try:
            with uncollected():
                hosted = await awaited(self._begun.loop.open())
        except BaseException as error:
            forgotten.stopped(self._begun.loop)
            self._begun.loop.close()
            raise _explained(error, self._begun) from None
        self._cluster = AsyncCluster(self._begun, hosted)
        return self._cluster

    async def __aexit__(self, *_: object) -> None:
        assert self._cluster is not None
        self._cluster._left()
        ended = self._begun.loop.close()
        if in_trio():
            with trio.CancelScope(shield=True):
                await awaited(ended)
        else:
            await awaited(ended)
        self._begun.loop.join()


def _started(begun: Begun) -> Cluster:
    forgotten.started(begun.loop, begun.where)
    try:
        with uncollected():
            hosted = begun.loop.open().result()
    except BaseException as error:
        forgotten.stopped(begun.loop)
        begun.loop.close()
        raise _explained(error, begun) from None
    return Cluster(begun, hosted)


def _explained(error: BaseException, begun: Begun) -> BaseException:
    """What kept a cluster from starting, in the words of tests and not of the command line."""
    if not isinstance(error, DirectoryInUse):
        return error
    return DirectoryInUse(
        f"data_dir {begun.wanted.path} is in use: another cluster of this process, another pytest "
        "or `k8slite up` runs on it. Stop that one, or give each a directory of its own (tmp_path)"
    )
