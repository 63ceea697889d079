"""Objects of custom resources on their way between the store and the version that is spoken.

A request works in the version that it speaks: that version's schema fills in, prunes and checks,
and admission sees it. What is kept is in the definition's storage version, and says so; it is
turned into another version where it is read, all objects of a list or of a moment's changes by one
question to the definition's converter. Defaults are those of the version that an object is kept
in; what a version's schema does not have is taken out. Upstream: the codec that
`apiextensions-apiserver/pkg/apiserver/customresource_handler.go` puts around its storage.

Kinds that are built in pass through untouched; the few of them that have several versions are
converted by functions of their own (`Kind.from_stored`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from attrs import define, field

from k8slite.apiserver.calling.conversion import convert
from k8slite.apiserver.calling.webhook import Caller
from k8slite.kinds.family import Family
from k8slite.kinds.kind import Kind
from k8slite.objects import codec
from k8slite.store.store import Event, Stored
from k8slite.world import World

Json = dict[str, Any]
T = TypeVar("T")


class NotSeen(Exception):
    """Somebody must know what an object looks like in another version, and nobody has asked."""

    def __init__(self, kind: Kind, value: bytes, version: str) -> None:
        super().__init__(f"not seen in {kind.group}/{version}")
        self.kind = kind
        self.value = value
        self.version = version


@define(eq=False)
class Views:
    """What the objects of one write look like in other versions, as far as that was found out."""

    _seen: dict[tuple[bytes, str], Json] = field(factory=dict)

    def of(self, obj: Json, kind: Kind, version: str) -> Json:
        """An object of `kind` in another version of it. Raises NotSeen."""
        value = codec.dumps(obj)
        found = self._seen.get((value, version))
        if found is None:
            raise NotSeen(kind, value, version)
        seen: Json = codec.loads(codec.dumps(found))
        return seen

    def add(self, missing: NotSeen, found: Json) -> None:
        """Remember what was not seen."""
        self._seen[missing.value, missing.version] = found


@define(eq=False)
class Versions:
    """Converts what is stored and what is to be stored. All of it may raise what a converter
    that cannot be asked, or answers what it may not, is told with (Unknown)."""

    caller: Caller
    world: World

    async def seen(self, kind: Kind, found: Sequence[Stored]) -> Sequence[Stored]:
        """Stored objects in the version of `kind`, without their types."""
        family = kind.family
        if family is None or not found:
            return found
        return await self._seen(family, kind.version, found)

    async def one(self, kind: Kind, stored: Stored) -> Stored:
        """A stored object in the version of `kind`, without its type."""
        if kind.family is None:
            return stored
        return (await self.seen(kind, (stored,)))[0]

    async def events(
        self, kind: Kind, events: Sequence[Event], *, selective: bool
    ) -> Sequence[Event]:
        """Changes in the version of `kind`; a state before is needed by who selects, or where
        nothing came after."""
        if kind.family is None:
            return events
        wanted: dict[int, Stored] = {}
        for event in events:
            if event.now is not None:
                wanted[id(event.now)] = event.now
            if event.before is not None and (selective or event.now is None):
                wanted[id(event.before)] = event.before
        seen = await self.seen(kind, list(wanted.values()))
        shown = dict(zip(wanted, seen, strict=True))
        return [
            Event(
                event.revision,
                event.key,
                shown.get(id(event.now), event.now),
                shown.get(id(event.before), event.before),
            )
            for event in events
        ]

    async def kept(self, kind: Kind, obj: Json) -> tuple[bytes, Json]:
        """What stands in front of an object in the store, and the object as it is kept."""
        family = kind.family
        if family is None:
            return b"", obj
        kept = await self.converted(kind, obj, family.kept)
        return family.prefix(family.kept), kept

    async def converted(self, kind: Kind, obj: Json, version: str) -> Json:
        """An object of `kind` in another version of it."""
        family = kind.family
        assert family is not None, "what is built in converts itself"
        if version == kind.version:
            return obj
        typed = {**obj, "apiVersion": kind.api_version, "kind": kind.kind}
        return (await self._converted(family, [typed], version))[0]

    def is_current(self, kind: Kind, stored: Stored) -> bool:
        """Whether an object is kept in the version in which it would be written now."""
        family = kind.family
        return family is None or family.version_of(stored.value) == family.kept

    async def completing(self, views: Views | None, work: Callable[[], T]) -> T:
        """The outcome of pure work, done again as long as it asks for views that nobody had."""
        while True:
            try:
                return work()
            except NotSeen as missing:
                assert views is not None, "who asks has somewhere to look"
                obj = codec.loads(missing.value)
                views.add(missing, await self.converted(missing.kind, obj, missing.version))

    async def _seen(
        self, family: Family, version: str, found: Sequence[Stored]
    ) -> Sequence[Stored]:
        seen: list[Stored] = []
        others: list[tuple[int, Json]] = []
        schema = family.schemas.get(version)
        as_it_is = schema is not None and not schema.has_defaults
        for number, stored in enumerate(found):
            kept = family.version_of(stored.value)
            if kept == version and as_it_is:
                bare = family.bare(stored.value, version)
                seen.append(Stored(stored.key, stored.revision, bare, stored.header))
                continue
            obj = codec.loads(stored.value)
            obj["apiVersion"], obj["kind"] = family.api_version(kept), family.kind
            family.default(obj, kept)
            seen.append(stored)
            if kept == version:
                seen[-1] = _restored(stored, obj)
            else:
                others.append((number, obj))
        if others:
            converted = await self._converted(family, [obj for _, obj in others], version)
            for (number, _), obj in zip(others, converted, strict=True):
                seen[number] = _restored(found[number], obj)
        return seen

    async def _converted(self, family: Family, objects: list[Json], version: str) -> list[Json]:
        """Objects with their types, none of them in `version`, as they are in it."""
        if family.client is None:
            return [family.renamed(obj, version) for obj in objects]
        found = await convert(self.caller, family, objects, version, self.world.uid())
        for obj in found:
            family.prune(obj, version)
        return found


def _restored(stored: Stored, obj: Json) -> Stored:
    """The stored form of an object that was changed on its way out, under its revision."""
    revision = int(obj["metadata"].get("resourceVersion") or stored.revision)
    return Stored(stored.key, stored.revision, codec.stored(codec.stored_tail(obj), revision))
