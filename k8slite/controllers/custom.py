"""Controllers of your own: the public class, live against any cluster and in the simulator.

    k8slite run MODULE:CLASS --kubeconfig FILE      live
    k8slite fuzz MODULE:SCENARIO                    looks for the faults that break it

A custom controller is a process of its own: its caches are its alone, and when it crashes nothing
of it is left but what it has written to the API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, TypeVar

import trio

from k8slite.client.informer import Mirror
from k8slite.client.mirrors import Mirrors
from k8slite.client.recorder import Reference
from k8slite.client.resource import BUILT_IN, Resource
from k8slite.controllers import controller as frame
from k8slite.controllers.cache import (
    Cache,
    DocumentKeys,
    Json,
    ModelKeys,
    controller_names,
    document_keys,
    own_name,
)
from k8slite.kinds.models import PartialObject
from k8slite.objects import meta
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name
from k8slite.objects.structure import structure

__all__ = ["Cache", "Controller", "NotCached"]


class NotCached(LookupError):
    """A cache was asked for that the controller had not declared before it ran."""


class Controller(frame.Controller):
    '''Brings what is to what is wanted, one object at a time.

    Say in class attributes what you look at, and in `reconcile` what is to be done for one object.
    It is called whenever that object, or one that it owns, has changed; it reads from caches,
    compares, and writes what is missing. Assume nothing of what has happened before: the process
    may have crashed after any write.

        from k8slite import CONFIG_MAPS, DEPLOYMENTS, Controller, Name


        class Websites(Controller):
            """A Deployment for each ConfigMap that is labelled as a website."""

            name = "websites"
            resource = CONFIG_MAPS
            owns = (DEPLOYMENTS,)

            async def reconcile(self, name: Name) -> None:
                site = self.get(name)
                if site is None or site["metadata"].get("labels", {}).get("website") != "yes":
                    return
                if name not in self.cached(DEPLOYMENTS):
                    await self.client.create(DEPLOYMENTS, self.deployment(site), name.namespace)
                    self.event(site, "Normal", "Created", f"Created deployment {name.name}")

            def deployment(self, site: dict) -> dict:
                name, labels = site["metadata"]["name"], {"website": site["metadata"]["name"]}
                container = {"name": "web", "image": site["data"]["image"]}
                return {
                    "metadata": {"name": name, "ownerReferences": [self.owner_reference(site)]},
                    "spec": {
                        "replicas": int(site["data"].get("replicas", "1")),
                        "selector": {"matchLabels": labels},
                        "template": {
                            "metadata": {"labels": labels},
                            "spec": {"containers": [container]},
                        },
                    },
                }

    Objects are dicts as the API has them, the caller's to change. What `reconcile` raises leads to
    another call, after a pause that doubles from 5 ms; a Conflict or NotFound is not even logged,
    since it only says that a cache was behind. What it returns, if anything, is after how many
    seconds it is to be called again. One name is never in two calls at once.

    Your own state goes into `setup`. Do not ask `time`, `random` or `uuid` for anything but the
    World (`self.world.now()`, `.chance`, `.uid()`) and wait with `trio.sleep`: that is what makes
    a simulated run repeatable.

    `self.client` reads and writes the API itself, without a cache: `get(resource, name,
    namespace)`, `list(resource, namespace)`, `create(resource, obj, namespace)`, `update(resource,
    obj)`, `patch(resource, name, patch, namespace)`, `delete(resource, name, namespace)`. Errors
    are named as the API names them: `k8slite.NotFound`, `AlreadyExists`, `Conflict`, `Invalid`.
    `self.queue` takes names: `add(name)`, `add_after(name, seconds)`.
    '''

    # What the controller signs its events and writes with, and its process' name in a simulation.
    name: ClassVar[str]
    # Whose objects are the keys. (A controller with keys of another kind leaves it out.)
    resource: ClassVar[Resource]
    # A change of one of these queues the object that controls it (`ownerReferences`).
    owns: ClassVar[Sequence[Resource]] = ()
    # A change of one of these queues the names that the function gives for (old, new), as in
    # `watch`; None where a cache is enough.
    watches: ClassVar[Mapping[Resource, DocumentKeys | None]] = {}
    # How many names are reconciled at once.
    workers: ClassVar[int] = 1
    # Whether `reconcile` is called only when the caches show what its last call for the same name
    # wrote. False: as with client-go's informers, they may not.
    reads_own_writes: ClassVar[bool] = True
    # Whether the caches begin with the newest state. False: with what the server has at hand
    # (`resourceVersion=0`), which is cheaper and, as with client-go's reflectors, may be old.
    consistent_start: ClassVar[bool] = False
    # All objects of `resource` are queued so often; 0 is never.
    resync_seconds: ClassVar[float] = 0
    # What `add_finalizer` adds where nothing else is said; "" stands for "NAME/finalizer".
    finalizer: ClassVar[str] = ""

    def __init__(self, context: frame.Context) -> None:
        if not getattr(self, "name", ""):
            raise TypeError(f"{type(self).__qualname__} needs a name: name = '...'")
        super().__init__(context)
        self._context = context
        self._caches: dict[Resource, Cache] = {}
        self._begun = False
        self._successor: Controller | None = None
        self.mirrors = Mirrors(
            self.client,
            context.world,
            f"{self.name} mirrors",
            consistent_start=self.consistent_start,
        )
        resource = getattr(self, "resource", None)
        if resource is not None:
            self._queue_by(resource, own_name)
            for owned in self.owns:
                self._queue_by(owned, controller_names(resource))
        elif self.owns:
            raise TypeError(f"{type(self).__qualname__} needs a resource, which owns the others")
        for watched, keys in self.watches.items():
            if keys is None:
                self.cached(watched)
            else:
                self.watch(watched, keys)
        self.setup()

    # To be overridden

    def setup(self) -> None:
        """What is to be there from the beginning: `watch`, `cached`, your own attributes."""

    async def start(self) -> None:
        """Called once the caches have synced, before the first `reconcile`; what it raises ends
        the process, which is started again."""

    async def reconcile(self, name: Name) -> float | None:
        """Do what is to be done for one object, there or not; idempotent."""
        raise NotImplementedError

    # To be called before it runs

    def watch(  # type: ignore[override]  # by resources: the mirrors are hidden in here
        self, resource: Resource, keys: DocumentKeys
    ) -> None:
        """Queue the names that `keys(old, new)` gives for a change of an object.

        `old` is None for an object that is new, `new` for one that is gone; both are dicts.
        """
        mirror = self.cached(resource).mirror
        self._queue_by(resource, document_keys(mirror, keys))

    def cached(self, resource: Resource) -> Cache:
        """The cache of a resource; before the controller runs, asking declares it.

        Raises NotCached.
        """
        cache = self._caches.get(resource)
        if cache is None:
            self._before_begin(resource)
            mirror = self.mirrors.of(resource, PartialObject)
            cache = self._caches[resource] = Cache(mirror)
            super().watch(mirror, lambda old, new: ())
        return cache

    # To be called in `reconcile`

    def get(self, name: Name) -> Json | None:
        """The object of `resource` with that name, from the cache, or None."""
        return self.cached(self.resource).get(name)

    def owner_reference(self, obj: Json, block: bool = True) -> Json:
        """What an object that `obj` is to control has in its `metadata.ownerReferences`.

        `block`: `obj` goes last, where it is deleted in the foreground.
        """
        kind, metadata = self._resource_of(obj), obj["metadata"]
        name, uid = metadata["name"], metadata["uid"]
        reference = meta.owner_reference(kind.api_version, kind.kind, name, uid)
        return {**reference, "blockOwnerDeletion": block}

    def event(self, obj: Json, type: str, reason: str, message: str) -> None:
        """Tell an object's users what happened, "Normal" or "Warning"; never waits or fails."""
        kind, metadata = self._resource_of(obj), structure(obj, PartialObject).metadata
        self.recorder.event(Reference(kind.api_version, kind.kind, metadata), type, reason, message)

    async def patch_status(self, obj: Json, status: Json) -> bool:
        """Merge fields into an object's status (None takes one away; a list is replaced whole).

        Nothing is written where they are there already: the answer is whether there was. `obj` is
        brought up to date. Raises Conflict where it was not the newest state of the object.
        """
        before = obj.get("status") or {}
        if _merged(before, status) == before:
            await trio.lowlevel.checkpoint()
            return False
        await self._patch(obj, {"status": status}, "status")
        return True

    async def add_finalizer(self, obj: Json, finalizer: str = "") -> bool:
        """Have an object, when it is deleted, wait for `remove_finalizer`; whether that was new.

        An object on its way out takes none. `obj` is brought up to date. Raises Conflict where it
        was not the newest state of the object.
        """
        finalizer = finalizer or self._finalizer
        known = obj["metadata"].get("finalizers") or []
        if finalizer in known or "deletionTimestamp" in obj["metadata"]:
            await trio.lowlevel.checkpoint()
            return False
        await self._patch(obj, {"metadata": {"finalizers": [*known, finalizer]}})
        return True

    async def remove_finalizer(self, obj: Json, finalizer: str = "") -> bool:
        """Let an object go; whether it had waited. `obj` is brought up to date.

        Raises Conflict where it was not the newest state of the object.
        """
        finalizer = finalizer or self._finalizer
        known = obj["metadata"].get("finalizers") or []
        if finalizer not in known:
            await trio.lowlevel.checkpoint()
            return False
        kept = [one for one in known if one != finalizer]
        try:
            await self._patch(obj, {"metadata": {"finalizers": kept}})
        except NotFound:
            return False  # gone without us
        return True

    # Its life

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be the process; started when the caches have synced and `start` has returned.

        Run again after a failure, it is a new controller that runs: nothing has been remembered.
        """
        if self._begun:
            self._successor = type(self)(self._context)
            await self._successor.run(task_status=task_status)
            return
        self._begun = True
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.mirrors.run)
            await nursery.start(super().run)
            if self.resync_seconds > 0:
                nursery.start_soon(self._resync)
            task_status.started()

    def mirrored(self) -> Sequence[Mirror[Any]]:
        """What it goes by."""
        return (self._successor or self).mirrors.mirrored()

    async def _resync(self) -> None:
        while True:
            await trio.sleep(self.resync_seconds)
            for obj in self.cached(self.resource).mirror.all():
                self.queue.add(obj.metadata.full_name)

    def _queue_by(self, resource: Resource, keys: ModelKeys) -> None:
        self._before_begin(resource)
        super().watch(self.cached(resource).mirror, keys)

    def _before_begin(self, resource: Resource) -> None:
        if self._begun:
            what = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
            raise NotCached(
                f"{self.name} runs already, and has no cache of {what}: declare it in `owns` or "
                "`watches`, or ask for `self.cached(...)` in `setup`"
            )

    def _resource_of(self, obj: Json) -> Resource:
        """Which resource an object is of. Raises NotCached for one that nobody has named."""
        if "kind" not in obj:
            return self.resource  # an item of a list does not say it
        key = (obj["apiVersion"], obj["kind"])
        for resource in self._caches:
            if (resource.api_version, resource.kind) == key:
                return resource
        if key not in BUILT_IN:
            raise NotCached(f"{self.name} does not know the resource of a {key[1]} of {key[0]}")
        return BUILT_IN[key]

    @property
    def _finalizer(self) -> str:
        return self.finalizer or f"{self.name}/finalizer"

    async def _patch(self, obj: Json, patch: Json, subresource: str = "") -> None:
        """Merge into exactly this state of exactly this object, and bring it up to date."""
        metadata = obj["metadata"]
        state = {key: metadata[key] for key in _PRECONDITIONS if key in metadata}
        found = await self.client.patch(
            self._resource_of(obj),
            metadata["name"],
            {**patch, "metadata": {**patch.get("metadata", {}), **state}},
            metadata.get("namespace", ""),
            subresource=subresource,
        )
        obj.clear()
        obj.update(found)


_Value = TypeVar("_Value")


def _merged(value: _Value, patch: object) -> object:
    """What a merge patch makes of a value (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    found = dict(value) if isinstance(value, dict) else {}
    for key, part in patch.items():
        if part is None:
            found.pop(key, None)
        else:
            found[key] = _merged(found.get(key), part)
    return found


_PRECONDITIONS: Final = ("uid", "resourceVersion")
