"""The garbage collector: no object outlives all of its owners, and none goes that has one.

Watches the metadata of everything that can be deleted, and keeps the graph of owners. Whatever the
graph suggests is checked by live reads of the object and its owners before anything is written, and
every deletion names the UID and resourceVersion that were read: a graph that lags behind costs a
look, never an object. Upstream: `pkg/controller/garbagecollector`.

A foreground deletion waits for the dependants that block it, an orphaning one releases them first;
only then does the owner lose the finalizer that held it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, ClassVar, Final

import trio
from attrs import define, field

from k8slite.client.informer import Mirror, unheard
from k8slite.client.recorder import Recorder, Reference
from k8slite.client.resource import Resource
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.machinery.discovery import Discovery, discover
from k8slite.controllers.machinery.garbage_graph import (
    FOREGROUND,
    ORPHAN,
    Graph,
    Identity,
    Standing,
    Verdict,
    Vertex,
    judge,
)
from k8slite.kinds.models import Metadata, Model, OwnerReference, PartialObject
from k8slite.objects.errors import ApiError, NotFound
from k8slite.objects.meta import Name

log = logging.getLogger(__name__)

Json = dict[str, Any]

DISCOVERY_SECONDS: Final = 30.0  # how often upstream looks for resources that came or went
DISCOVERY_SOON_SECONDS: Final = 1.0  # after a custom resource changed, for it to be served
SYNC_MOST_SECONDS: Final = 30.0  # upstream goes on without mirrors that do not sync in this time
# An owner that lives but no watch has shown yet is looked at again: it may come and go unseen.
RECHECK_SECONDS: Final = 30.0
# Events only report; upstream leaves them out too.
IGNORED: Final = frozenset({("", "events"), ("events.k8s.io", "events")})


class GarbageCollector(Controller):
    """Deletes what has lost its owners; carries out foreground and orphaning deletions."""

    name: ClassVar[str] = "generic-garbage-collector"
    workers: ClassVar[int] = 20

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        client = context.handler_client(self.name)
        # Upstream's events come from a component of another name than the client's.
        self.recorder = Recorder(client, context.world, "garbage-collector-controller")
        self._watching_client = client
        self._resources: dict[tuple[str, str], Resource] = {}  # by apiVersion and kind
        self._monitors: dict[Resource, _Monitor] = {}
        self._taken: Discovery | None = None  # what they follow
        self._rediscover = trio.Event()
        self.graph = self._new_graph()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Discover, mirror, then collect; started when everything known has synced."""
        self.graph = self._new_graph()
        self._monitors.clear()
        self._taken = None
        async with trio.open_nursery() as nursery:
            self.take(await discover(self.client), nursery)
            with trio.move_on_after(SYNC_MOST_SECONDS):
                for monitor in list(self._monitors.values()):
                    await monitor.mirror.synced()
            nursery.start_soon(self._follow_discovery, nursery)
            await nursery.start(super().run)
            task_status.started()

    def take(self, found: Discovery, nursery: trio.Nursery | None = None) -> None:
        """Learn what is served; with a nursery, mirror in it what can be collected."""
        if found == self._taken:
            return
        failed = {failure.group_version for failure in found.failures}
        kept = {
            key: resource for key, resource in self._resources.items() if key[0] in failed
        }  # in a partial discovery, what was known of the failed groups stands
        for one in found.served:
            if one.resource.kind and "get" in one.verbs:
                kept.setdefault((one.resource.api_version, one.resource.kind), one.resource)
        self._resources = kept
        if nursery is None:
            return
        self._taken = found
        wanted = {
            resource: None
            for resource in found.with_verbs("delete", "list", "watch")
            if (resource.group, resource.plural) not in IGNORED
        }
        for resource in wanted:
            if resource not in self._monitors:
                nursery.start_soon(self._monitor(resource).run)
        for resource in list(self._monitors):
            if resource not in wanted and resource.api_version not in failed:
                self._monitors.pop(resource).scope.cancel()
                self.graph.forget(resource.api_version, resource.kind)

    def observe(self, resource: Resource, old: Model | None, new: Model | None) -> None:
        """Take in one event of a watch."""
        before: Metadata | None = old.metadata if old else None
        self.graph.apply(resource.api_version, resource.kind, before, new.metadata if new else None)
        if resource.plural in ("customresourcedefinitions", "apiservices"):
            self._rediscover.set()

    async def reconcile(self, name: Name) -> None:
        """Look at the object of a UID (the key's name), and act upon what live reads say."""
        vertex = self.graph.vertex(name.name)
        if vertex is None:
            return
        if vertex.orphaning:
            await self._release_dependants(vertex)
        elif vertex.foreground:
            await self._await_dependants(vertex)
        elif not vertex.being_deleted and not self.graph.settled(vertex):
            await self._collect(vertex)

    # Background: has it an owner?

    async def _collect(self, vertex: Vertex) -> None:
        live = await self._live(vertex.identity)
        if live is None or "deletionTimestamp" in live["metadata"]:
            return  # gone, or on its way: the watch will tell, and dependants are woken then
        references = live["metadata"].get("ownerReferences") or []
        standings = []
        for reference in references:
            standings.append((reference["uid"], await self._standing(vertex, reference)))
        dependants = self.graph.dependants(vertex.identity.uid)
        verdict = judge(standings, live["metadata"].get("finalizers") or (), dependants)
        if verdict.delete:
            await self._delete(vertex.identity, live, verdict)
            return
        if verdict.release:
            await self._release(vertex.identity, live, verdict.release)
        if any(
            standing is Standing.SOLID and self.graph.vertex(uid) is None
            for uid, standing in standings
        ):
            self.queue.add_after(_key(vertex.identity.uid), RECHECK_SECONDS)

    async def _standing(self, vertex: Vertex, reference: Json) -> Standing:
        """Whether an owner lives, by a live read where the reference says it is."""
        resource = self._resources.get((reference["apiVersion"], reference["kind"]))
        if resource is None:
            self._rediscover.set()
            raise UnknownKind(f"{reference['apiVersion']} {reference['kind']} is not served")
        namespace = vertex.identity.namespace
        if resource.namespaced and not namespace:
            log.info("%s has a namespaced owner, which cannot be", vertex.identity)
            return Standing.SOLID
        identity = Identity(
            reference["apiVersion"],
            reference["kind"],
            namespace if resource.namespaced else "",
            reference["name"],
            reference["uid"],
        )
        if identity in self.graph.absent:
            return Standing.DANGLING
        owner = await self._live(identity)
        if owner is None:
            # The reference may be wrong about all but the UID: then nobody may go as long as the
            # one that is meant lives. An owner in another namespace does not count, as upstream.
            known = self.graph.vertex(identity.uid)
            if known is not None and known.identity.namespace in ("", namespace):
                owner = await self._live(known.identity)
        if owner is None:
            self.graph.absent.add(identity)
            return Standing.DANGLING
        metadata = owner["metadata"]
        waits = "deletionTimestamp" in metadata and FOREGROUND in metadata.get("finalizers", ())
        return Standing.WAITING if waits else Standing.SOLID

    async def _delete(self, identity: Identity, live: Json, verdict: Verdict) -> None:
        if verdict.unblock:
            references = [
                {**reference, "blockOwnerDeletion": False}
                for reference in live["metadata"]["ownerReferences"]
            ]
            live = await self._patch(identity, live, {"ownerReferences": references})
        options = {
            "preconditions": {
                "uid": identity.uid,
                "resourceVersion": live["metadata"]["resourceVersion"],
            },
            "propagationPolicy": verdict.policy,
        }
        log.info("deleting %s, whose owners are gone", identity)
        try:
            await self.client.delete(
                self._resource(identity), identity.name, identity.namespace, options
            )
        except NotFound:
            return  # somebody was quicker

    # Foreground: are the dependants gone?

    async def _await_dependants(self, vertex: Vertex) -> None:
        blocking = self.graph.blocking(vertex.identity.uid)
        if not blocking:
            await self._remove_finalizer(vertex.identity, FOREGROUND)
            return
        for dependant in blocking:
            if not dependant.being_deleted:
                self.queue.add(_key(dependant.identity.uid))

    # Orphaning: let the dependants go

    async def _release_dependants(self, vertex: Vertex) -> None:
        live = await self._live(vertex.identity)
        if live is None:
            return
        await self._catch_up(int(live["metadata"]["resourceVersion"]))
        for dependant in self.graph.dependants(vertex.identity.uid):
            found = await self._live(dependant.identity)
            if found is not None:
                await self._release(dependant.identity, found, (vertex.identity.uid,))
        await self._remove_finalizer(vertex.identity, ORPHAN)

    async def _catch_up(self, revision: int) -> None:
        """See every dependant that was there before the owner's deletion.

        Upstream releases those that it happens to know, and collects the others afterwards.
        """
        async with trio.open_nursery() as nursery:
            for monitor in self._monitors.values():
                if monitor.mirror.revision < revision:
                    nursery.start_soon(monitor.mirror.caught_up)

    # Writes

    async def _release(self, identity: Identity, live: Json, owners: Iterable[str]) -> None:
        """Remove the references to those owners from an object that was just read."""
        before = live["metadata"].get("ownerReferences") or []
        gone = set(owners)
        after = [reference for reference in before if reference["uid"] not in gone]
        if len(after) == len(before):
            return
        try:
            await self._patch(identity, live, {"ownerReferences": after or None})
        except NotFound:
            return

    async def _remove_finalizer(self, identity: Identity, finalizer: str) -> None:
        live = await self._live(identity)
        if live is None:
            return
        before = live["metadata"].get("finalizers") or []
        if finalizer not in before:
            return
        after = [one for one in before if one != finalizer]
        try:
            await self._patch(identity, live, {"finalizers": after})
        except NotFound:
            return

    async def _patch(self, identity: Identity, live: Json, metadata: Json) -> Json:
        """Change an object's metadata, if it is still exactly what was read."""
        expected = {
            "uid": identity.uid,
            "resourceVersion": live["metadata"]["resourceVersion"],
        }
        return await self.client.patch(
            self._resource(identity),
            identity.name,
            {"metadata": {**expected, **metadata}},
            identity.namespace,
        )

    async def _live(self, identity: Identity) -> Json | None:
        """The object of that name and UID, read from the API; None if there is none."""
        try:
            found = await self.client.get(
                self._resource(identity), identity.name, identity.namespace
            )
        except NotFound:
            return None
        return found if found["metadata"].get("uid") == identity.uid else None

    def _resource(self, identity: Identity) -> Resource:
        resource = self._resources.get((identity.api_version, identity.kind))
        if resource is None:
            self._rediscover.set()
            raise UnknownKind(f"{identity.api_version} {identity.kind} is not served")
        return resource

    # What there is to watch

    async def _follow_discovery(self, nursery: trio.Nursery) -> None:
        while True:
            with trio.move_on_after(DISCOVERY_SECONDS) as waiting:
                await self._rediscover.wait()
            if not waiting.cancelled_caught:
                await trio.sleep(DISCOVERY_SOON_SECONDS)
            self._rediscover = trio.Event()
            try:
                found = await discover(self.client)
            except ApiError as error:
                log.warning("discovery failed, going on with what is known: %s", error)
                continue
            if found.served:
                self.take(found, nursery)

    def _monitor(self, resource: Resource) -> _Monitor:
        # What another controller of this process mirrors is not watched once more (upstream: the
        # shared informers come before those of metadata alone).
        mirror = self.mirrors.known(resource)
        is_own = mirror is None
        if mirror is None:
            # Whole objects are asked for, not their metadata alone: the lines are then those that
            # mirrors of other processes here get too, and neither made nor read another time.
            mirror = Mirror(
                self._watching_client, resource, PartialObject, world=self.world, documents=False
            )
        monitor = self._monitors[resource] = _Monitor(mirror, is_own)

        def changed(old: Model | None, new: Model | None) -> None:
            # A monitor that was cancelled may still be handed what has already been received.
            if self._monitors.get(resource) is monitor:
                self.observe(resource, old, new)

        mirror.subscribe(changed, beat=unheard)
        return monitor

    def _new_graph(self) -> Graph:
        return Graph(lambda uid: self.queue.add(_key(uid)), self._report_invalid)

    def _report_invalid(self, dependant: Identity, reference: OwnerReference) -> None:
        owner = (
            f"[{reference.api_version}/{reference.kind}, namespace: {dependant.namespace}, "
            f"name: {reference.name}, uid: {reference.uid}]"
        )
        metadata = Metadata(name=dependant.name, namespace=dependant.namespace, uid=dependant.uid)
        self.recorder.event(
            Reference(dependant.api_version, dependant.kind, metadata),
            "Warning",
            "OwnerRefInvalidNamespace",
            f'ownerRef {owner} does not exist in namespace "{dependant.namespace}"',
        )


class UnknownKind(Exception):
    """A reference to a kind that discovery has not shown; it may come."""


@define(eq=False)
class _Monitor:
    """The mirror of one resource and what ends it."""

    mirror: Mirror[Any]
    is_own: bool  # nobody else runs it
    scope: trio.CancelScope = field(factory=trio.CancelScope)

    async def run(self) -> None:
        if self.is_own:
            with self.scope:
                await self.mirror.run()


def _key(uid: str) -> Name:
    return Name("", uid)
