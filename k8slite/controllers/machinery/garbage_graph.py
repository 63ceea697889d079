"""Who owns whom: the graph that the garbage collector keeps of all objects, and what it concludes.

Pure: events go in, in any order, and the UIDs of objects that deserve a look come out through
`wake`. An owner that nobody has seen yet (its dependant came first, or it never existed) is known
by its UID alone; only a live read can say whether it is there, so the graph never condemns
anybody. Upstream: `pkg/controller/garbagecollector/graph_builder.go`; unlike there, what is looked
at follows from the state and not from the transition, so a merged or missed update loses nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Final, NamedTuple

from attrs import define, field, frozen

from k8slite.kinds.models import Metadata, OwnerReference

FOREGROUND: Final = "foregroundDeletion"  # the finalizer that waits for dependants to vanish
ORPHAN: Final = "orphan"  # the finalizer that waits for dependants to be released
ABSENT_MOST: Final = 500  # owners remembered as gone, as many as upstream; only saves live reads


class Identity(NamedTuple):
    """An object as an owner reference would name it, and where it is."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


@define(eq=False)
class Vertex:
    """An object that a watch has shown."""

    identity: Identity
    owners: tuple[OwnerReference, ...] = ()
    being_deleted: bool = False
    foreground: bool = False  # being deleted, and waits for its dependants' deletion
    orphaning: bool = False  # being deleted, and waits for its dependants' release


class Graph:
    """All observed objects, linked by UID.

    `wake` is called with the UID of an observed object that a live look may have to act upon;
    `invalid` with a dependant and its reference to an owner that lives in another namespace.
    """

    def __init__(
        self, wake: Callable[[str], None], invalid: Callable[[Identity, OwnerReference], None]
    ) -> None:
        self._wake = wake
        self._invalid = invalid
        self._vertices: dict[str, Vertex] = {}
        # Owner's UID to its dependants' UIDs, whether the owner has been observed or not. The inner
        # dict is a set that keeps its order.
        self._dependants: dict[str, dict[str, None]] = {}
        self.absent = AbsentOwners()

    def __len__(self) -> int:
        return len(self._vertices)

    def vertex(self, uid: str) -> Vertex | None:
        """The object of that UID, if a watch has shown it."""
        return self._vertices.get(uid)

    def dependants(self, uid: str) -> list[Vertex]:
        """The observed objects that refer to that UID as an owner."""
        return [self._vertices[dependant] for dependant in self._dependants.get(uid, ())]

    def blocking(self, uid: str) -> list[Vertex]:
        """The dependants whose existence holds up their owner's foreground deletion."""
        return [
            dependant
            for dependant in self.dependants(uid)
            if any(one.uid == uid and one.block_owner_deletion for one in dependant.owners)
        ]

    def settled(self, vertex: Vertex) -> bool:
        """Whether, as far as watches tell, every owner is there and stays."""
        for reference in vertex.owners:
            owner = self._vertices.get(reference.uid)
            if owner is None or owner.foreground or not _matches(reference, vertex, owner):
                return False
        return True

    def apply(
        self, api_version: str, kind: str, old: Metadata | None, new: Metadata | None
    ) -> None:
        """Take in one event of a watch: `old` is what was there under the name, `new` what is.

        Two different UIDs are a deletion and a creation that were merged.
        """
        if old is not None and (new is None or new.uid != old.uid):
            self._remove(old.uid)
        elif old is not None and new is not None and self._is_told(old, new):
            return
        if new is not None:
            identity = Identity(api_version, kind, new.namespace, new.name, new.uid)
            self._put(identity, new)

    def forget(self, api_version: str, kind: str) -> None:
        """Drop what was known of a kind that is watched no more; dependants get a live look."""
        gone = [
            uid
            for uid, vertex in self._vertices.items()
            if vertex.identity[:2] == (api_version, kind)
        ]
        for uid in gone:
            self._unlink(uid, self._vertices.pop(uid).owners)
        for uid in gone:
            self._wake_dependants(uid)

    def _is_told(self, old: Metadata, new: Metadata) -> bool:
        """Whether a change is of nothing that is kept here, as most are."""
        return (
            new.deletion_timestamp is None
            and old.deletion_timestamp is None
            and new.owner_references == old.owner_references
            and new.uid in self._vertices
        )

    def _put(self, identity: Identity, metadata: Metadata) -> None:
        vertex = self._vertices.get(identity.uid)
        observed_first = vertex is None
        if vertex is None:
            vertex = self._vertices[identity.uid] = Vertex(identity)
        before, was_foreground = vertex.owners, vertex.foreground
        vertex.identity = identity
        vertex.owners = metadata.owner_references
        vertex.being_deleted = metadata.deletion_timestamp is not None
        vertex.foreground = vertex.being_deleted and FOREGROUND in metadata.finalizers
        vertex.orphaning = vertex.being_deleted and ORPHAN in metadata.finalizers
        if vertex.owners != before:
            self._relink(vertex, before)
        if observed_first:
            self._check_dependants(vertex)
        if vertex.foreground or vertex.orphaning:
            self._wake(identity.uid)
        if vertex.foreground and not was_foreground:
            self._wake_dependants(identity.uid)

    def _relink(self, vertex: Vertex, before: tuple[OwnerReference, ...]) -> None:
        uid = vertex.identity.uid
        held = {reference.uid for reference in vertex.owners}
        blocked = {reference.uid for reference in vertex.owners if reference.block_owner_deletion}
        self._unlink(uid, [reference for reference in before if reference.uid not in held])
        for reference in before:
            if reference.block_owner_deletion and reference.uid not in blocked:
                self._wake_waiting(reference.uid)
        for reference in vertex.owners:
            if reference not in before:
                self._dependants.setdefault(reference.uid, {})[uid] = None
                self._check(vertex, reference)

    def _check(self, vertex: Vertex, reference: OwnerReference) -> None:
        owner = self._vertices.get(reference.uid)
        if owner is None:
            self._wake(vertex.identity.uid)
            return
        if _elsewhere(vertex, owner):
            self._invalid(vertex.identity, reference)
        if owner.foreground or not _matches(reference, vertex, owner):
            self._wake(vertex.identity.uid)
            self._wake_waiting(reference.uid)

    def _check_dependants(self, owner: Vertex) -> None:
        for dependant in self.dependants(owner.identity.uid):
            for reference in dependant.owners:
                if reference.uid == owner.identity.uid:
                    self._check(dependant, reference)

    def _remove(self, uid: str) -> None:
        vertex = self._vertices.pop(uid, None)
        if vertex is None:
            return
        self._unlink(uid, vertex.owners)
        for reference in vertex.owners:
            self._wake_waiting(reference.uid)
        if uid in self._dependants:
            self.absent.add(vertex.identity)
            self._wake_dependants(uid)

    def _unlink(self, uid: str, owners: Iterable[OwnerReference]) -> None:
        for reference in owners:
            dependants = self._dependants.get(reference.uid)
            if dependants is not None:
                dependants.pop(uid, None)
                if not dependants:
                    del self._dependants[reference.uid]

    def _wake_dependants(self, uid: str) -> None:
        for dependant in tuple(self._dependants.get(uid, ())):
            self._wake(dependant)

    def _wake_waiting(self, uid: str) -> None:
        owner = self._vertices.get(uid)
        if owner is not None and owner.foreground:
            self._wake(uid)


@define
class AbsentOwners:
    """The owners known to be gone, the oldest forgotten first.

    The whole identity counts: a UID that is absent under one name, kind or namespace may well live
    under another.
    """

    _known: OrderedDict[Identity, None] = field(factory=OrderedDict)

    def add(self, identity: Identity) -> None:
        self._known[identity] = None
        self._known.move_to_end(identity)
        if len(self._known) > ABSENT_MOST:
            self._known.popitem(last=False)

    def __contains__(self, identity: Identity) -> bool:
        return identity in self._known


class Standing(Enum):
    """What a live read says of an owner."""

    SOLID = "it lives"
    DANGLING = "it is gone"
    WAITING = "it lives, but waits for its dependants to be deleted"


@frozen
class Verdict:
    """What is to be done about an object with owners."""

    delete: bool = False
    policy: str = ""  # the propagationPolicy of the deletion
    unblock: bool = False  # before it, stop holding up the owners
    release: tuple[str, ...] = ()  # the UIDs of owners whose references are to be removed


def judge(
    standings: Sequence[tuple[str, Standing]],
    finalizers: Sequence[str],
    dependants: Sequence[Vertex],
) -> Verdict:
    """Upstream's rule (`attemptToDeleteItem`), given each owner's UID and standing.

    One solid owner keeps the object alive; the other references are then removed, since an owner
    in foreground deletion would wait for them for ever.
    """
    solid = any(standing is Standing.SOLID for _, standing in standings)
    waiting = any(standing is Standing.WAITING for _, standing in standings)
    if solid or not standings:
        rest = tuple(uid for uid, standing in standings if standing is not Standing.SOLID)
        return Verdict(release=rest)
    if waiting and dependants:
        # A dependant that waits itself may wait for this very object: a circle must not hold.
        circle = any(dependant.foreground for dependant in dependants)
        return Verdict(delete=True, policy="Foreground", unblock=circle)
    if ORPHAN in finalizers:
        return Verdict(delete=True, policy="Orphan")
    if FOREGROUND in finalizers:
        return Verdict(delete=True, policy="Foreground")
    return Verdict(delete=True, policy="Background")


def _elsewhere(dependant: Vertex, owner: Vertex) -> bool:
    """A namespaced owner counts for dependants of its namespace only."""
    return owner.identity.namespace not in ("", dependant.identity.namespace)


def _matches(reference: OwnerReference, dependant: Vertex, owner: Vertex) -> bool:
    identity = owner.identity
    return (
        not _elsewhere(dependant, owner)
        and reference.api_version == identity.api_version
        and reference.kind == identity.kind
        and reference.name == identity.name
    )
