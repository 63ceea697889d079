"""The frame of every controller: mirrors, a queue of keys, workers, retries.

A subclass says which objects lead to which keys (`watch`) and what to do for one key
(`reconcile`). A key is never in two workers' hands, and is not reconciled again before the mirrors
show what it wrote the time before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final, TypeVar

import trio
from attrs import frozen

from k8slite.client.client import Client
from k8slite.client.informer import Beat, Mirror
from k8slite.client.mirrors import Mirrors
from k8slite.client.recorder import Recorder
from k8slite.client.resource import Resource
from k8slite.client.workqueue import WorkQueue
from k8slite.controllers.written import IN_WORK, RememberingClient, Writes
from k8slite.kinds.models import Model
from k8slite.objects.errors import ApiError, Conflict, NotFound
from k8slite.objects.measures import Family
from k8slite.objects.meta import Name
from k8slite.world import World

log = logging.getLogger(__name__)

M = TypeVar("M", bound=Model)
Keys = Callable[[Any, Any], Iterable[Name]]

# How long a mirror may take to show a write before the server is asked where it stands: the write
# may have been to an object that the mirror does not select.
REACHED_SECONDS: Final = 30.0


@frozen
class Context:
    """What every controller of a cluster shares."""

    handler_client: Callable[[str], Client]  # from a controller's name to its client
    world: World
    mirrors: Mirrors
    minor: int = 37  # the version of Kubernetes whose resources are served


class Controller:
    """Brings what is to what is wanted, one key at a time; an Actor."""

    name: ClassVar[str]
    workers: ClassVar[int] = 1  # how many keys are reconciled at once
    since: ClassVar[int] = 0  # the minor version of Kubernetes that first serves what it works on
    # Whether a key waits for its own writes to be mirrored before it is reconciled again. Without
    # it a reconcile may see a state from before its last one, as upstream's informers show it.
    reads_own_writes: ClassVar[bool] = True

    def __init__(self, context: Context) -> None:
        client = context.handler_client(self.name)
        self.client: Client = RememberingClient(client.handler, client.user_agent, client.token)
        self.world = context.world
        self.mirrors = context.mirrors
        self.queue = WorkQueue()
        self.recorder = Recorder(client, context.world, self.name)
        self._watched: dict[Resource, Mirror[Any]] = {}
        self._sources: list[tuple[Mirror[Any], Keys]] = []
        self._written: dict[Name, Writes] = {}  # by keys whose writes may not be mirrored yet
        self._ran = False

    def watch(
        self,
        mirror: Mirror[M],
        keys: Callable[[M | None, M | None], Iterable[Name]],
        *,
        beat: Beat | None = None,
    ) -> None:
        """Queue the keys that a change of a mirrored object leads to; `beat` as in `subscribe`."""

        def changed(old: M | None, new: M | None) -> None:
            for key in keys(old, new):
                self.queue.add(key)

        self._watched[mirror.resource] = mirror
        self._sources.append((mirror, keys))
        mirror.subscribe(changed, beat=beat)

    def measures(self) -> Iterable[Family]:
        """What it counts and times, under upstream's names."""
        return ()

    async def start(self) -> None:
        """What is to be done once, when the mirrors have synced, before the first reconcile."""

    async def reconcile(self, name: Name) -> float | None:
        """Do what is to be done for a key; raise to be called again after a pause.

        Returns after how many seconds it is to be called again at the latest, or None.
        """
        raise NotImplementedError

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work on keys; started when the mirrors have synced and the workers wait."""
        if self._ran:  # started again: what was lost in between is unknown
            for mirror, keys in self._sources:
                for obj in mirror.all():
                    for key in keys(None, obj):
                        self.queue.add(key)
        self._ran = True
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.queue.run)
            nursery.start_soon(self.recorder.run)
            for mirror, _ in self._sources:
                await mirror.synced()
            await self.start()
            task_status.started()
            for _ in range(self.workers):
                nursery.start_soon(self._work)

    async def _work(self) -> None:
        while True:
            name = await self.queue.get()
            try:
                await self._attempt(name)
            finally:
                self.queue.done(name)

    async def _attempt(self, name: Name) -> None:
        """Reconcile a key once and see to it that a failure leads to another attempt."""
        writes = Writes()
        token = IN_WORK.set(writes)
        try:
            await self._settle(name)
            again_seconds = await self.reconcile(name)
        except Exception as error:  # any error of a key is retried, and must not harm other keys
            if isinstance(error, Conflict | NotFound):
                log.debug("%s: %s: %s", self.name, name, error)
            else:
                # A refusal, or the lack of an answer, says it all.
                where = None if isinstance(error, ApiError | ConnectionError) else error
                log.warning("%s: %s failed: %r", self.name, name, error, exc_info=where)
            self.queue.add_rate_limited(name)
        else:
            self.queue.forget(name)
            if again_seconds is not None:
                self.queue.add_after(name, again_seconds)
        finally:
            IN_WORK.reset(token)
            if writes and self.reads_own_writes:
                self._written[name] = writes

    async def _settle(self, name: Name) -> None:
        """Wait until the mirrors show what the key wrote the time before."""
        writes = self._written.get(name)
        if writes is None:
            return
        for resource, revision in writes.revisions.items():
            mirror = self._watched.get(resource)
            if mirror is None or mirror.revision >= revision:
                continue
            with trio.move_on_after(REACHED_SECONDS):
                await mirror.reached(revision)
                continue
            await mirror.caught_up()
        for resource in writes.unknown:
            if resource in self._watched:
                await self._watched[resource].caught_up()
        # Only now: if the server could not be asked, the next attempt must ask again.
        del self._written[name]


def own_key(old: Model | None, new: Model | None) -> Iterable[Name]:
    """The key of the object that has changed, for a controller whose keys are these objects."""
    found = new or old
    assert found is not None, "a change is of something"
    return (found.metadata.full_name,)


def only(name: Name) -> Keys:
    """For `watch`: changes of the object of that name, under it; of no other."""

    def keys(old: Model | None, new: Model | None) -> Iterable[Name]:
        return [key for key in own_key(old, new) if key == name]

    return keys
