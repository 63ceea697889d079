"""Whose an object is: what a controller owns, adopts and releases.

An object has at most one controller. A controller keeps what refers to it and matches its
selector, lets go of what does not match any more, and takes orphans that match (upstream:
`controller_ref_manager.go`). It adopts only after a fresh read has shown that the owner still
lives under the same UID and is not being deleted; every change demands the object's UID.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from attrs import frozen

from k8slite.client.client import STRATEGIC_MERGE_PATCH, Client
from k8slite.client.informer import Mirror
from k8slite.client.resource import Resource
from k8slite.kinds.models import Metadata, Model
from k8slite.objects.errors import Conflict, Invalid, NotFound
from k8slite.objects.meta import Name, owner_reference
from k8slite.objects.selectors import Selector

M = TypeVar("M", bound=Model)

_INDEX = "by controller"


@frozen
class Owner:
    """An object that may control others, as its mirror shows it."""

    resource: Resource
    metadata: Metadata

    def reference(self) -> dict[str, object]:
        """The reference that its dependants carry."""
        metadata = self.metadata
        resource = self.resource
        return owner_reference(resource.api_version, resource.kind, metadata.name, metadata.uid)


class Departed:
    """Owners that the server says are gone, whatever their mirror shows.

    Who goes on by a mirror that is behind makes dependants which the garbage collector takes away
    at once, and so on, as fast as both can. A UID never comes back.
    """

    def __init__(self) -> None:
        self._uids: set[str] = set()

    def __contains__(self, uid: str) -> bool:
        return uid in self._uids

    @contextmanager
    def noticed(self, owner: Metadata) -> Iterator[None]:
        """Around a write to an owner that demands its UID; what it raises is passed on."""
        try:
            yield
        except NotFound:
            self._uids.add(owner.uid)
            raise
        except Conflict as error:
            if "UID in precondition" in error.message:
                self._uids.add(owner.uid)
            raise

    def forget(self, uid: str) -> None:
        """The mirror shows it too."""
        self._uids.discard(uid)


def index_by_controller(mirror: Mirror[M]) -> None:
    """Prepare a mirror for `controlled` and `orphans`."""
    mirror.add_index(_INDEX, _controller_keys)


def controlled(mirror: Mirror[M], uid: str) -> list[M]:
    """What refers to that UID as its controller."""
    return mirror.indexed(_INDEX, uid)


def orphans(mirror: Mirror[M], namespace: str) -> list[M]:
    """What has no controller in a namespace."""
    return mirror.indexed(_INDEX, f"orphans of {namespace}")


def controller_of(obj: Model, owners: Mirror[M]) -> M | None:
    """The owner that controls an object, if it is one of that resource and still there."""
    reference = obj.metadata.controller
    if reference is None or reference.kind != owners.resource.kind:
        return None
    owner = owners.get(Name(obj.metadata.namespace, reference.name))
    return owner if owner is not None and owner.metadata.uid == reference.uid else None


def owner_keys(
    owners: Mirror[M], selector_of_owner: Callable[[M], Selector]
) -> Callable[[Model | None, Model | None], Iterator[Name]]:
    """Which owners to look at when a dependant changes: its controller, the one it had, and for
    an orphan all that might adopt it."""

    def keys(old: Model | None, new: Model | None) -> Iterator[Name]:
        before = controller_of(old, owners) if old is not None else None
        after = controller_of(new, owners) if new is not None else None
        if before is not None and before is not after:
            yield before.metadata.full_name
        if after is not None:
            yield after.metadata.full_name
        elif new is not None and new.metadata.controller is None:
            unchanged = old is not None and old.metadata.labels == new.metadata.labels
            if unchanged and before is None:
                return
            for owner in owners.all():
                if owner.metadata.namespace == new.metadata.namespace and selector_of_owner(
                    owner
                ).matches(new.metadata.labels):
                    yield owner.metadata.full_name

    return keys


async def claim(
    client: Client,
    dependants: Mirror[M],
    owner: Owner,
    selector: Selector,
    *,
    wanted: Callable[[M], bool] = lambda _: True,
    finalizers: Sequence[str] = (),
) -> list[M]:
    """What the owner has, after adopting and releasing as its selector says.

    Only `wanted` objects are looked at; `finalizers` come and go with the reference. The first
    failure is raised when all objects have been seen to. Adopted objects are in the answer as the
    mirror shows them, still without reference.
    """
    metadata = owner.metadata
    found: list[M] = []
    failures: list[Exception] = []
    alive = _Once(lambda: _check_alive(client, owner))
    for obj in controlled(dependants, metadata.uid):
        if not wanted(obj):
            continue
        if selector.matches(obj.metadata.labels):
            found.append(obj)
        elif metadata.deletion_timestamp is None:
            change = _release(client, dependants.resource, obj.metadata, owner, finalizers)
            await _trying(failures, change)
    if metadata.deletion_timestamp is None:
        for obj in orphans(dependants, metadata.namespace):
            if (
                obj.metadata.deletion_timestamp is None
                and wanted(obj)
                and selector.matches(obj.metadata.labels)
            ):
                resource = dependants.resource
                change = _adopt(client, resource, obj.metadata, owner, alive, finalizers)
                if await _trying(failures, change):
                    found.append(obj)
    if failures:
        raise failures[0]
    return found


def _controller_keys(obj: Model) -> Iterable[str]:
    reference = obj.metadata.controller
    return (reference.uid if reference else f"orphans of {obj.metadata.namespace}",)


class _Once:
    """A check that is made when it is first needed, and not again."""

    def __init__(self, check: Callable[[], Awaitable[None]]) -> None:
        self._check = check
        self._done = False

    async def __call__(self) -> None:
        if not self._done:
            await self._check()
            self._done = True


async def _trying(failures: list[Exception], change: Awaitable[bool]) -> bool:
    """Whether a change was made; a failure is kept for later."""
    try:
        return await change
    except Exception as error:
        failures.append(error)
        return False


async def _check_alive(client: Client, owner: Owner) -> None:
    metadata = owner.metadata
    found = await client.get(owner.resource, metadata.name, metadata.namespace)
    if found["metadata"]["uid"] != metadata.uid:
        raise Conflict(f"{owner.resource.kind} {metadata.full_name} is another one by now")
    if found["metadata"].get("deletionTimestamp"):
        raise Conflict(f"{owner.resource.kind} {metadata.full_name} is being deleted")


async def _adopt(
    client: Client,
    resource: Resource,
    metadata: Metadata,
    owner: Owner,
    alive: _Once,
    finalizers: Sequence[str],
) -> bool:
    await alive()
    more = {"finalizers": list(finalizers)} if finalizers else {}
    return await _change(client, resource, metadata, owner.reference(), more)


async def _release(
    client: Client,
    resource: Resource,
    metadata: Metadata,
    owner: Owner,
    finalizers: Sequence[str],
) -> bool:
    less = {"$deleteFromPrimitiveList/finalizers": list(finalizers)} if finalizers else {}
    reference = {"$patch": "delete", "uid": owner.metadata.uid}
    try:
        return await _change(client, resource, metadata, reference, less)
    except Invalid:
        # The object has no references any more, or is about to be gone (as upstream).
        return False


async def _change(
    client: Client,
    resource: Resource,
    metadata: Metadata,
    reference: Mapping[str, object],
    finalizers: Mapping[str, object],
) -> bool:
    patch = {
        "metadata": {"uid": metadata.uid, "ownerReferences": [reference], **finalizers},
    }
    try:
        await client.patch(
            resource,
            metadata.name,
            patch,
            metadata.namespace,
            patch_type=STRATEGIC_MERGE_PATCH,
        )
    except NotFound:
        return False
    return True
