"""Every write leaves word of who wrote which field (metadata.managedFields).

A create, an update and a patch take what they change; an apply takes what it sends and is merged
into what there is. Each manager's fields are told in the version that it speaks, so that a
write is seen through the eyes of every version in which somebody owns something. Upstream:
`apimachinery/pkg/util/managedfields`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import define, field

from k8slite.apiserver.attributes import Asked
from k8slite.apiserver.storage import Storage
from k8slite.apiserver.versions import Views
from k8slite.kinds.kind import Kind
from k8slite.messages import User
from k8slite.objects import codec
from k8slite.objects.field_comparison import Comparison, compared
from k8slite.objects.field_managers import InVersionOf, applied, updated
from k8slite.objects.fields import invalid, refuse
from k8slite.objects.fieldsets import FieldSet
from k8slite.objects.managed_fields import (
    Malformed,
    Manager,
    Owners,
    check_fields,
    without_times,
)
from k8slite.objects.meta import timestamp
from k8slite.objects.sameness import same
from k8slite.objects.schema import Schema, Schemas
from k8slite.world import World

Json = dict[str, Any]

# What nobody owns (upstream: `stripMetaManager`).
_NOBODYS: Final = frozenset(
    (
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "generation",
        "managedFields",
        "resourceVersion",
    )
)
# Writes that upstream makes below the managers.
_UNTOLD: Final = frozenset(("binding", "eviction"))
# Upstream notes no time for these.
_TIMELESS: Final = frozenset(("scale",))
_SERVER: Final = User("kube-apiserver")
_BEFORE_FIRST: Final = "before-first-apply"
# What an applier through a subresource, or past it, does not get (upstream: GetResetFields).
_NOT_STATUS: Final[FieldSet] = {"f:status": {}}


@define(eq=False)
class FieldManagement:
    """Writes managedFields into objects on their way to the store."""

    schemas: Schemas
    storage: Storage
    world: World
    _unfilled: dict[str, Json] = field(factory=dict)

    def track(self, asked: Asked, new: Json, old: Json | None) -> None:
        """Note in `new` what a write that is no apply has changed.

        Both are in the storage version and complete but for what admission does. Raises Invalid
        where the client sent managedFields that cannot be.
        """
        kind = asked.version
        schema = self.schema(kind)
        if asked.subresource in _UNTOLD or schema is None:
            _keep_entries(new, old)
            return
        owners = self._sent(asked, new, old)
        difference = self._difference(asked, kind, new, old)
        manager = Manager(asked.manager, "Update", kind.api_version, asked.subresource)
        if not difference:
            self._note(new, owners)
            return
        after = updated(
            difference,
            owners.fields,
            manager,
            self._eyes(asked, owners, difference, lambda: (new, old)),
        )
        found = Owners(dict(after.managers), dict(owners.times), dict(owners.versions))
        if after.took and asked.subresource not in _TIMELESS:
            found.times[manager] = timestamp(self.world.now())
        found.versions[manager] = kind.api_version
        self._note(new, found.capped(), manager)

    def track_status(self, kind: Kind, new: Json, old: Json) -> Json:
        """A status that this server writes by itself, with its name on it."""
        metadata = old["metadata"]
        noted = {**new, "metadata": dict(metadata)}
        asked = Asked(
            kind,
            _SERVER,
            metadata.get("namespace", ""),
            metadata["name"],
            "status",
            manager=_SERVER.name,
        )
        self.track(asked, noted, old)
        return noted

    def apply(self, asked: Asked, old: Json | None, config: Json, *, force: bool) -> Json:
        """What an apply of `config` (in the version that the client speaks) makes of an object,
        in that version, managedFields included. Raises Conflicts."""
        kind = asked.version
        schema = self.schema(kind)
        assert schema is not None, "what is applied has a type"
        live = {} if old is None else codec.loads(codec.dumps(self.seen(asked.kind, kind, old)))
        owners = _read((old or {}).get("metadata", {}).get("managedFields"))
        if not owners.fields and old is not None:
            owners = self._all_before(asked, kind, live)
        manager = Manager(asked.manager, "Apply", "", asked.subresource)

        def eyes(new: Json) -> InVersionOf:
            difference = compared(_bare(live), _bare(new), schema)
            difference = difference.beside(_beyond(kind, asked.subresource))
            return self._eyes(asked, owners, difference, lambda: (_stored(kind, new), old))

        found = applied(
            _bare(live),
            _bare(config, is_whole=False),
            schema,
            owners.fields,
            manager,
            force=force,
            ignored=_beyond(kind, asked.subresource),
            in_version_of=eyes,
        )
        new: Json = codec.loads(codec.dumps(found.obj))
        new["metadata"] = {
            **_nobodys(live),
            **_nobodys(config),
            **(new.get("metadata") or {}),
        }
        after = Owners(dict(found.managers), dict(owners.times), dict(owners.versions))
        if found.changed and asked.subresource not in _TIMELESS:
            after.times[manager] = timestamp(self.world.now())
        after.versions[manager] = kind.api_version
        self._note(new, after, manager)
        return new

    def schema(self, kind: Kind) -> Schema | None:
        """The type of a kind's objects; None where nobody has described it."""
        return self.schemas.definition(kind.group, kind.version, kind.kind, name=kind.definition)

    def _sent(self, asked: Asked, new: Json, old: Json | None) -> Owners:
        """The owners that the client sent, or else those that there are.

        One empty entry takes all of them off; nothing at all leaves them as they are, as do
        subresources.
        """
        known = (old or {}).get("metadata", {}).get("managedFields") or []
        sent = new["metadata"].pop("managedFields", None) or []
        if not sent or sent == known or asked.subresource:
            return _read(known)
        if sent == [{}]:
            return Owners()
        for number, entry in enumerate(sent):
            if entry.get("operation") not in ("Apply", "Update"):
                path = f"metadata.managedFields[{number}].operation"
                wrong = invalid(path, entry.get("operation", ""), "must be `Apply` or `Update`")
                name = new["metadata"].get("name", "")
                raise refuse(asked.kind.kind, asked.kind.group, name, [wrong])
        return _read(sent, or_else=known)

    def _difference(self, asked: Asked, kind: Kind, new: Json, old: Json | None) -> Comparison:
        """What a write has changed in a version, of what it may change."""
        stored, schema = asked.kind, self.schema(kind)
        views = asked.views
        before = self._empty(kind) if old is None else self.seen(stored, kind, old, views)
        found = compared(_bare(before), _bare(self.seen(stored, kind, new, views)), schema)
        return found.beside(_beyond(kind, asked.subresource))

    def _eyes(
        self,
        asked: Asked,
        owners: Owners,
        difference: Comparison,
        pair: Callable[[], tuple[Json, Json | None]],
    ) -> InVersionOf:
        """A write as each manager sees it; `pair` are the stored forms of new and old."""
        kind = asked.version
        known: dict[str, Comparison | None] = {kind.api_version: difference}

        def seen(manager: Manager) -> Comparison | None:
            version = owners.versions.get(manager, kind.api_version)
            if version not in known:
                group, _, name = version.rpartition("/")
                other = self.storage.kinds.find(group, name, kind.plural)
                if other is None or other.prefix != asked.kind.prefix:
                    known[version] = None
                elif other.converts and asked.views is None:
                    known[version] = None  # nobody can be asked
                else:
                    known[version] = self._difference(asked, other, *pair())
            return known[version]

        return seen

    def seen(self, stored: Kind, kind: Kind, obj: Json, views: Views | None = None) -> Json:
        """An object of `stored` in another version. Raises NotSeen where others convert."""
        if kind is not stored and stored.family is not None:
            if views is not None:
                return views.of(obj, stored, kind.version)
            return stored.family.renamed(codec.loads(codec.dumps(obj)), kind.version)
        if kind is stored or kind.from_stored is None:
            return obj
        return kind.from_stored(codec.loads(codec.dumps(obj)))

    def _all_before(self, asked: Asked, kind: Kind, live: Json) -> Owners:
        """What an object holds that was written before anybody was noted belongs to one name."""
        difference = compared(_bare(self._empty(kind)), _bare(live), self.schema(kind))
        manager = Manager(_BEFORE_FIRST, "Update", kind.api_version, asked.subresource)
        after = updated(difference, {}, manager)
        now = timestamp(self.world.now())
        return Owners(dict(after.managers), {manager: now}, {manager: kind.api_version})

    def _empty(self, kind: Kind) -> Json:
        """What Go prints of an object that nobody filled in."""
        found = self._unfilled.get(kind.api_version + kind.kind)
        if found is None:
            # Only writers need it.
            from k8slite.objects.protobuf import unfilled

            custom = kind.structural is not None
            found = {"metadata": {}} if custom else unfilled(kind.api_version, kind.kind)
            self._unfilled[kind.api_version + kind.kind] = found
        return found

    def _note(self, new: Json, owners: Owners, last: Manager | None = None) -> None:
        metadata = new["metadata"]
        entries = owners.write(last)
        if entries:
            metadata["managedFields"] = entries
        else:
            metadata.pop("managedFields", None)


def unchanged(new: Json, old: Json) -> bool:
    """Whether a write would only say anew since when somebody owns what."""
    if same(new, old):
        return True
    one, other = new["metadata"], old["metadata"]
    entries, known = one.get("managedFields", ()), other.get("managedFields", ())
    if entries == known or without_times(entries) != without_times(known):
        return False
    rest = {**new, "metadata": {**one, "managedFields": known}}
    return same(rest, old)


def _keep_entries(new: Json, old: Json | None) -> None:
    known = (old or {}).get("metadata", {}).get("managedFields")
    if known:
        new["metadata"]["managedFields"] = known
    else:
        new["metadata"].pop("managedFields", None)


def _read(entries: list[Json] | None, or_else: list[Json] | None = None) -> Owners:
    try:
        found = Owners.read(entries or ())
        if or_else is not None:
            for fields in found.fields.values():
                check_fields(fields)
    except Malformed:
        return _read(or_else) if or_else else Owners()
    return found


def _bare(obj: Json, *, is_whole: bool = True) -> Json:
    """An object without what nobody owns; of a part, no way to nothing is left."""
    found = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}
    metadata = found.get("metadata")
    if metadata is not None:
        found["metadata"] = {k: v for k, v in metadata.items() if k not in _NOBODYS}
        if not found["metadata"] and not is_whole:
            del found["metadata"]
    return found


def _nobodys(obj: Json) -> Json:
    metadata = obj.get("metadata") or {}
    return {key: value for key, value in metadata.items() if key in _NOBODYS}


def _beyond(kind: Kind, subresource: str) -> FieldSet | None:
    if subresource == "status":
        return {"f:spec": {}}
    return _NOT_STATUS if kind.strategy.status else None


def _stored(kind: Kind, obj: Json) -> Json:
    return obj if kind.to_stored is None else kind.to_stored(codec.loads(codec.dumps(obj)))
