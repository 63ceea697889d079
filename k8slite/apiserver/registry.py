"""The registry: every write of every kind goes through here, updates through one loop.

    create   fill in -> default -> track -> prepare -> admit -> validate -> reserve -> put(absent)
    update   read -> change -> protect -> default -> track -> prepare -> admit -> validate ->
             put(revision), again from the start when somebody else was faster
    delete   an update that marks the object, or the put that removes it

PUT, PATCH, a status, a scale, a binding and a finalizer's removal are all updates; they differ
only in the change. Mirrors upstream's `registry/generic/registry.Store`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import trio
from attrs import define, field, frozen

from k8slite.apiserver.admission.chain import Chain
from k8slite.apiserver.allocation import Allocations
from k8slite.apiserver.attributes import Asked, Attributes
from k8slite.apiserver.field_management import FieldManagement, unchanged
from k8slite.apiserver.identity import SERVER_OWNED, keep, keep_identity, named, other_uid
from k8slite.apiserver.metrics import Metrics
from k8slite.apiserver.selection import make_header
from k8slite.apiserver.storage import Storage
from k8slite.apiserver.versions import Versions
from k8slite.kinds.kind import Kind
from k8slite.objects import codec
from k8slite.objects.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    InternalError,
    Invalid,
    MethodNotAllowed,
    NotFound,
    Unknown,
)
from k8slite.objects.fields import invalid, refuse
from k8slite.objects.meta import generated_name, timestamp
from k8slite.objects.metadata_validation import validate_metadata
from k8slite.store.store import Broken, KeyConflict, Stored
from k8slite.world import World

Json = dict[str, Any]
Change = Callable[[Json], Json]

# How often a generated name may be taken before the client is told (upstream: 8 since 1.30).
_NAME_ATTEMPTS: Final = 8
_STALE: Final = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


@frozen
class Preconditions:
    """What must hold of the stored object for a write to happen."""

    uid: str = ""
    resource_version: str = ""


@frozen(eq=False)
class Written:
    """A write's outcome: the stored form (without a revision of its own in a dry run)."""

    value: bytes
    created: bool = False
    removed: bool = False


@define(eq=False)
class Registry:
    """All kinds' objects, over one store."""

    storage: Storage
    world: World
    chain: Chain
    allocations: Allocations
    management: FieldManagement
    versions: Versions
    metrics: Metrics = field(factory=Metrics)

    def get(self, kind: Kind, namespace: str, name: str) -> Stored:
        """The newest version of an object. Raises NotFound."""
        stored = self.storage.store.get(kind.key(namespace, name))
        if stored is None:
            raise not_found(kind, name)
        return stored

    async def read(self, kind: Kind, namespace: str, name: str) -> Stored:
        """As `get`, in the version of `kind`."""
        return await self.versions.one(kind, self.get(kind, namespace, name))

    async def create(self, asked: Asked, obj: Json) -> Written:
        """Create an object; `obj` is decoded, in the version of `asked.kind`, and now the
        registry's."""
        kind = asked.kind
        if kind.strategy.closed:
            raise MethodNotAllowed(kind.strategy.closed, details=named(kind, asked.name))
        attributes = Attributes(asked, "CREATE", obj, None)
        metadata = self._fill_in(asked, obj)
        strategy = kind.strategy
        generate = not metadata.get("name")
        for attempt in range(_NAME_ATTEMPTS):
            if generate and metadata.get("generateName"):
                metadata["name"] = generated_name(metadata["generateName"], self.world.chance)
            if attempt == 0:
                strategy.default(obj)
                await self._track(asked, obj, None)
                strategy.prepare(obj, None)
                strategy.default(obj)  # what was taken out may have a default
                await self.chain.mutate(attributes)
                await self._check(asked, obj, None)
                await self.chain.validate(attributes)
            key = kind.key(asked.namespace, metadata["name"])
            if self.storage.store.get(key) is not None:
                if generate:
                    continue
                raise already_exists(kind, metadata["name"])
            reservation = await self.allocations.reserve(attributes)
            if asked.dry_run:
                await reservation.give_back()
                return Written(_unrevised(obj), created=True)
            try:
                stored = await self._put(kind, key, obj, expect=0)
            except KeyConflict:
                await reservation.give_back()
                if not generate:
                    raise already_exists(kind, metadata["name"]) from None
                continue
            except Exception:  # one who is cancelled may have written: the repair finds out
                await reservation.give_back()
                raise
            await reservation.keep()
            return Written(stored.value, created=True)
        raise already_exists(kind, metadata["name"])

    async def update(
        self,
        asked: Asked,
        change: Change,
        *,
        reads_old: bool = True,
        create: Change | None = None,
        protect: Callable[[Json, Json], None] | None = None,
        preconditions: Preconditions = Preconditions(),  # frozen
        unconditional: bool = True,
    ) -> Written:
        """Change an object. Raises NotFound, Conflict, Invalid and what admission raises.

        `change` gets a fresh copy of the stored object (an empty dict when not `reads_old`) and
        returns the new one; it is called again after losing a race, unless the client named
        the version that it meant. `protect(new, old)` puts back what this subresource may not
        write. `create` makes an object where there is none. `unconditional` says whether the
        client may leave the resourceVersion out.
        """
        kind = asked.kind
        key = kind.key(asked.namespace, asked.name)
        while True:
            stored = self.storage.store.get(key)
            if stored is None:
                if create is None:
                    raise not_found(kind, asked.name)
                return await self.create(asked, create({}))
            read = (await self.versions.one(kind, stored)).value
            old = codec.loads(read)
            if preconditions.uid and preconditions.uid != old["metadata"]["uid"]:
                raise other_uid(kind, old["metadata"], preconditions.uid)
            new = await self._changed(asked, change, read if reads_old else b"{}")
            asked_version = self._asked_version(kind, new, unconditional)
            if asked_version and asked_version != old["metadata"]["resourceVersion"]:
                raise stale(kind, asked.name)
            try:
                return await self._replace(asked, stored, new, old, protect)
            except KeyConflict:
                continue  # a version that the client named is found stale on the way round

    async def remove(self, asked: Asked, stored: Stored) -> Written:
        """Remove one version of an object from the store. Raises KeyConflict when it changed."""
        if asked.dry_run:
            return Written(stored.value, removed=True)
        try:
            with self.metrics.storing("delete", asked.kind):
                gone = await self.storage.store.put(stored.key, None, expect=stored.revision)
        except Broken as error:
            raise InternalError(str(error)) from error
        await self.allocations.release(asked, stored.value)
        return Written(gone.value, removed=True)

    async def write(self, asked: Asked, stored: Stored, new: Json) -> Written:
        """Put a version that is already complete (a deletion's mark). Raises KeyConflict."""
        if asked.dry_run:
            return Written(_unrevised(new))
        found = await self._put(asked.kind, stored.key, new, expect=stored.revision)
        return Written(found.value)

    async def _changed(self, asked: Asked, change: Change, value: bytes) -> Json:
        return await self.versions.completing(asked.views, lambda: change(codec.loads(value)))

    async def _replace(
        self,
        asked: Asked,
        stored: Stored,
        new: Json,
        old: Json,
        protect: Callable[[Json, Json], None] | None,
    ) -> Written:
        kind, strategy = asked.kind, asked.kind.strategy
        keep_identity(kind, new, old)
        if protect is not None:
            protect(new, old)
            if asked.subresource == "status":
                strategy.prepare_status(new, old)
            await self._track(asked, new, old)
        else:
            strategy.default(new)
            if strategy.status:
                keep(new, old, "status")
            await self._track(asked, new, old)
            strategy.prepare(new, old)
        attributes = Attributes(asked, "UPDATE", new, old)
        await self.chain.mutate(attributes)
        if (
            strategy.generation
            and asked.subresource != "binding"  # a pod's node is no wish of its owner
            and strategy.has_changed(new, old)
        ):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        await self._check(asked, new, old)
        await self.chain.validate(attributes)
        metadata = new["metadata"]
        finished = (
            "deletionTimestamp" in metadata
            and not metadata.get("finalizers")
            and not metadata.get("deletionGracePeriodSeconds")
            and not (kind.plural == "namespaces" and (new.get("spec") or {}).get("finalizers"))
        )
        if finished:
            await self.remove(asked, stored)
            return Written(_unrevised(new, stored.revision), removed=True)
        if unchanged(new, old) and self.versions.is_current(kind, stored):
            # Nothing changes: no write, no event, as upstream.
            return Written((await self.versions.one(kind, stored)).value)
        reservation = await self.allocations.reserve(attributes)
        try:
            if asked.dry_run:
                await reservation.give_back()
                return Written(_unrevised(new, stored.revision))
            found = await self._put(kind, stored.key, new, expect=stored.revision)
        except Exception:  # as above
            await reservation.give_back()
            raise
        await reservation.keep()
        return Written(found.value)

    async def _put(self, kind: Kind, key: str, obj: Json, *, expect: int) -> Stored:
        prefix, kept = await self.versions.kept(kind, obj)
        tail = codec.stored_tail(kept)
        try:
            with self.metrics.storing("update" if expect else "create", kind):
                stored = await self.storage.store.put(
                    key,
                    lambda revision: prefix + codec.stored(tail, revision)[bool(prefix) :],
                    expect=expect,
                    header=None if kind.converts else make_header(kind, obj),
                )
        except Broken as error:
            raise InternalError(str(error)) from error
        return await self.versions.one(kind, stored)

    async def _track(self, asked: Asked, new: Json, old: Json | None) -> None:
        if asked.applies:
            return
        if asked.views is None:
            self.management.track(asked, new, old)
            return

        def tracked() -> Json:
            fresh: Json = codec.loads(codec.dumps(new))
            self.management.track(asked, fresh, old)
            return fresh

        try:
            new["metadata"] = (await self.versions.completing(asked.views, tracked))["metadata"]
        except Unknown:
            # A converter that fails is no reason to refuse a write that does not need it, as
            # upstream has it, but then nobody is known to own anything.
            new["metadata"].pop("managedFields", None)

    def _fill_in(self, asked: Asked, obj: Json) -> Json:
        kind = asked.kind
        metadata: Json = obj.setdefault("metadata", {})
        if str(metadata.get("resourceVersion") or "").strip("0").isdecimal():
            raise Unknown("resourceVersion should not be set on objects to be created")
        if kind.namespaced:
            metadata["namespace"] = asked.namespace
        elif metadata.pop("namespace", ""):
            raise BadRequest("namespace is not allowed on cluster-scoped resources")
        for name in SERVER_OWNED:
            metadata.pop(name, None)
        metadata["uid"] = self.world.uid()
        metadata["creationTimestamp"] = timestamp(self.world.now())
        if kind.strategy.generation:
            metadata["generation"] = 1
        return metadata

    async def _check(self, asked: Asked, new: Json, old: Json | None) -> None:
        kind, strategy = asked.kind, asked.kind.strategy
        causes = validate_metadata(
            new,
            old,
            strategy.name_rule,
            kind.namespaced,
            plain_finalizers=strategy.plain_finalizers,
        )
        if asked.subresource == "status" and old is not None:
            causes += strategy.validate_status(new, old)
        elif asked.subresource and old is not None and strategy.validate_part is not None:
            causes += strategy.validate_part(new, old, asked.subresource)
        else:
            causes += strategy.validate(new, old)
            if asked.version is not kind:
                causes += asked.version.strategy.validate_spoken(new, old)
        for one in strategy.validate_in_turns(new, old, tuple(causes)):
            if one is not None:
                causes.append(one)
            else:
                await trio.lowlevel.checkpoint()
        if causes:
            raise refuse(kind.kind, kind.group, new["metadata"].get("name", ""), causes)
        for text in strategy.warn(new, old):
            asked.warn(text)

    def _asked_version(self, kind: Kind, new: Json, unconditional: bool) -> str:
        version: str = new.get("metadata", {}).get("resourceVersion") or ""
        if version in ("", "0"):
            if not unconditional:
                cause = invalid("metadata.resourceVersion", 0, "must be specified for an update")
                raise refuse(kind.kind, kind.group, new["metadata"].get("name", ""), [cause])
            return ""
        if not version.isdecimal():
            cause = invalid(
                "metadata.resourceVersion",
                version,
                f'strconv.ParseUint: parsing "{version}": invalid syntax',
            )
            raise Invalid(
                f'{kind.kind} "{new["metadata"].get("name", "")}" is invalid: '
                f"{cause.field}: {cause.message}",
                details={"name": new["metadata"].get("name", ""), "kind": kind.kind},
                causes=[cause],
            )
        return version


def not_found(kind: Kind, name: str) -> NotFound:
    """Upstream's `errors.NewNotFound`."""
    return NotFound(f'{kind.group_resource} "{name}" not found', details=named(kind, name))


def already_exists(kind: Kind, name: str) -> AlreadyExists:
    """Upstream's `errors.NewAlreadyExists`."""
    return AlreadyExists(
        f'{kind.group_resource} "{name}" already exists', details=named(kind, name)
    )


def stale(kind: Kind, name: str) -> Conflict:
    """Upstream's conflict for a resourceVersion that is not the newest."""
    return Conflict(
        f'Operation cannot be fulfilled on {kind.group_resource} "{name}": {_STALE}',
        details=named(kind, name),
    )


def _unrevised(obj: Json, revision: int = 0) -> bytes:
    """The stored form of what a dry run would have written."""
    tail = codec.stored_tail(obj)
    return codec.stored(tail, revision) if revision else b'{"metadata":{' + tail[2:]
