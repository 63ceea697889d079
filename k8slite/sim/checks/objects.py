"""What holds for every object of every kind: identity, revisions, generations, deletion.

Mirrors the API conventions: metadata.uid and creationTimestamp never change, the generation counts
changes of what is wanted, a deletion that was begun is not taken back, and finalizers hold an
object until the last of them is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import COLLECTED, NAMESPACES, PODS, terminating

Json = dict[str, Any]

_NOT_WANTED = ("metadata", "status", "apiVersion", "kind")
# Whose status only a request to `status` may write.
_WITH_STATUS = frozenset(
    (
        PODS,
        NAMESPACES,
        "nodes/",
        "persistentvolumeclaims/",
        "persistentvolumes/",
        "apps.deployments/",
        "apps.replicasets/",
        "apps.statefulsets/",
        "apps.daemonsets/",
        "batch.jobs/",
        "batch.cronjobs/",
        "policy.poddisruptionbudgets/",
    )
)


class Objects:
    """Identity, generation and deletion of all objects."""

    name: ClassVar[str] = "objects"
    prefixes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, setting: Setting) -> None:
        self._revision = 0
        self._uids: dict[str, str] = {}  # by uid: the key that it was given to

    def commit(self, change: Change) -> Iterable[str]:
        if change.event.revision <= self._revision:
            yield f"revision {change.event.revision} follows {self._revision}"
        self._revision = change.event.revision
        old, new = change.old, change.new
        if new is not None and old is not None:
            yield from self._updated(change, old, new)
        elif new is not None:
            yield from self._created(change, new)
        elif old is not None:
            yield from self._deleted(change, old)

    def rest(self) -> Iterable[str]:
        return ()

    def _created(self, change: Change, new: Json) -> Iterator[str]:
        uid = new["metadata"].get("uid", "")
        if uid:
            known = self._uids.setdefault(uid, change.key)
            if known != change.key:
                yield f"{change.key} has the uid of {known}"

    def _updated(self, change: Change, old: Json, new: Json) -> Iterator[str]:
        before, now = old["metadata"], new["metadata"]
        for field in ("uid", "creationTimestamp", "name", "namespace"):
            was, is_now = before.get(field), now.get(field)
            if was != is_now:
                yield f"{field} of {change.key} changed from {was} to {is_now}"
        if terminating(old):
            if not terminating(new):
                yield f"the deletion of {change.key} was taken back"
            kept = [one for one in now.get("finalizers") or () if one not in COLLECTED]
            added = [one for one in kept if one not in (before.get("finalizers") or ())]
            if added:
                yield f"finalizer {added[0]} was added to {change.key}, which is being deleted"
        # A deletion that shortens the grace period to nothing writes that first.
        deleting = change.request.startswith("DELETE")
        if terminating(new) and not deleting and _over(change.resource, new):
            yield f"{change.key} is deleted and nothing holds it, but it stays"
        if "generation" in before:
            yield from _generation(change, old, new)
        yield from _other_half(change, old, new)

    def _deleted(self, change: Change, old: Json) -> Iterator[str]:
        # A finalizer's owner takes it off with a PUT or PATCH, which ends the object at once.
        left = old["metadata"].get("finalizers")
        if left and change.request.startswith("DELETE"):
            yield f"{change.key} is gone, though {', '.join(left)} held it"


def _over(resource: str, obj: Json) -> bool:
    metadata = obj["metadata"]
    if metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds"):
        return False
    return not (resource == NAMESPACES and (obj.get("spec") or {}).get("finalizers"))


def _generation(change: Change, old: Json, new: Json) -> Iterator[str]:
    before, now = old["metadata"]["generation"], new["metadata"].get("generation")
    changed = any(
        old.get(field) != new.get(field) for field in {**old, **new} if field not in _NOT_WANTED
    )
    begun = terminating(new) and not terminating(old)
    if now == before:
        # A binding, and what a grace period becomes, are not changes of what is wanted.
        if changed and not change.request.endswith("/binding"):
            yield f"the spec of {change.key} changed, but generation stayed {before}"
    elif now != before + 1 or not (changed or begun):
        yield f"generation of {change.key} went from {before} to {now} without a change of spec"


def _other_half(change: Change, old: Json, new: Json) -> Iterator[str]:
    """A write of the status leaves the spec alone, and the other way round."""
    method, _, path = change.request.partition(" ")
    if method not in ("PUT", "PATCH"):
        return
    if path.endswith("/status"):
        if old.get("spec") != new.get("spec"):
            yield f"a write of the status of {change.key} changed its spec"
    elif (
        change.resource in _WITH_STATUS
        and path.endswith(f"/{new['metadata']['name']}")
        and old.get("status") != new.get("status")
    ):
        yield f"a write of the spec of {change.key} changed its status"
