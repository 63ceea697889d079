"""What a StatefulSet's or DaemonSet's template was before, kept in ControllerRevisions.

Mirrors `pkg/controller/history`. A revision holds the patch that would bring its template back, and
a number that rises whenever it becomes the newest again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from attrs import frozen

from k8slite.client.client import Client
from k8slite.client.informer import Mirror
from k8slite.client.resource import CONTROLLER_REVISIONS
from k8slite.controllers.apps.name_hash import name_hash
from k8slite.controllers.ownership import Owner, claim
from k8slite.kinds.apps.models import ControllerRevision
from k8slite.kinds.models import Model
from k8slite.objects.errors import AlreadyExists, NotFound
from k8slite.objects.meta import Name
from k8slite.objects.selectors import Selector

Json = dict[str, Any]

REVISION_HASH: Final = "controller-revision-hash"  # the label that says which revision a pod is of
_PREFIX_CHARACTERS: Final = 223  # of a revision's name that are its owner's (as upstream)
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class Revision:
    """One state that a template was in."""

    name: str
    uid: str
    number: int
    data: Json
    labels: Mapping[str, str]
    created: datetime

    @property
    def template(self) -> Json:
        """The pod template that it holds."""
        template: Json = self.data["spec"]["template"]
        return {key: value for key, value in template.items() if key != "$patch"}


@frozen
class History:
    """The revisions of one owner."""

    client: Client
    mirror: Mirror[ControllerRevision]
    owner: Owner
    hash_label: str  # of a revision itself
    annotations: Mapping[str, str]  # of the owner, which its revisions take over

    async def revisions(self, selector: Selector) -> list[Revision]:
        """The owner's revisions, oldest first; those without an owner are taken over."""
        found = []
        for one in await claim(self.client, self.mirror, self.owner, selector):
            document = self.mirror.document(one.metadata.full_name)
            if document is not None and isinstance(document.get("data"), dict):
                found.append(_revision(document))
        return sorted(found, key=_age)

    async def current(
        self, template: Json, revisions: Sequence[Revision], collision_count: int
    ) -> tuple[Revision, int]:
        """The revision that holds a template, as the newest, and the count of collisions by then.

        One that was the newest before is so again under a new number, which makes a rollback of
        it; one that never was is made.
        """
        data = patch_to(template)
        newest = revisions[-1] if revisions else None
        equal = [one for one in revisions if one.data == data]
        number = newest.number + 1 if newest is not None else 1
        if not equal:
            return await self._create(template, data, number, collision_count)
        if newest is not None and newest.data == data:
            return newest, collision_count
        return await self._renumber(equal[-1], number), collision_count

    async def forget(self, revisions: Iterable[Revision]) -> None:
        """Delete revisions that no rollback needs any more."""
        for one in revisions:
            options = {"preconditions": {"uid": one.uid}}
            namespace = self.owner.metadata.namespace
            try:
                await self.client.delete(CONTROLLER_REVISIONS, one.name, namespace, options)
            except NotFound:
                continue

    async def _create(
        self, template: Json, data: Json, number: int, collision_count: int
    ) -> tuple[Revision, int]:
        metadata = self.owner.metadata
        while True:
            hashed = name_hash(data, collision_count)
            name = f"{metadata.name[:_PREFIX_CHARACTERS]}-{hashed}"
            labels = (template.get("metadata") or {}).get("labels") or {}
            document = {
                "apiVersion": CONTROLLER_REVISIONS.api_version,
                "kind": CONTROLLER_REVISIONS.kind,
                "metadata": {
                    "name": name,
                    "namespace": metadata.namespace,
                    "labels": {**labels, self.hash_label: hashed},
                    "annotations": dict(self.annotations),
                    "ownerReferences": [self.owner.reference()],
                },
                "data": data,
                "revision": number,
            }
            try:
                made = await self.client.create(CONTROLLER_REVISIONS, document, metadata.namespace)
            except AlreadyExists:
                made = await self.client.get(CONTROLLER_REVISIONS, name, metadata.namespace)
                if made.get("data") != data:
                    collision_count += 1
                    continue
            return _revision(made), collision_count

    async def _renumber(self, revision: Revision, number: int) -> Revision:
        patch = {"metadata": {"uid": revision.uid}, "revision": number}
        namespace = self.owner.metadata.namespace
        changed = await self.client.patch(CONTROLLER_REVISIONS, revision.name, patch, namespace)
        return _revision(changed)


def patch_to(template: Json) -> Json:
    """The strategic merge patch that gives a set this template, whatever it has."""
    return {"spec": {"template": _sorted({**template, "$patch": "replace"})}}


def revision_keys(kind: str) -> Callable[[Model | None, Model | None], Iterator[Name]]:
    """Which owners of a kind to look at when a revision is gone: the one of the name it refers to,
    even if that one has been made again since, and waits for the name of an old revision.

    One that a user makes leads to nothing before its owner changes (as upstream).
    """

    def keys(old: Model | None, new: Model | None) -> Iterator[Name]:
        reference = old.metadata.controller if old is not None and new is None else None
        if old is not None and reference is not None and reference.kind == kind:
            yield Name(old.metadata.namespace, reference.name)

    return keys


def _revision(document: Json) -> Revision:
    metadata = document["metadata"]
    moment = metadata.get("creationTimestamp")
    return Revision(
        metadata["name"],
        metadata["uid"],
        document.get("revision", 0),
        document["data"],
        metadata.get("labels") or {},
        datetime.fromisoformat(moment) if moment else _LONG_AGO,
    )


def _age(revision: Revision) -> tuple[int, datetime, str]:
    return revision.number, revision.created, revision.name


def _sorted(value: Any) -> Any:
    """With keys in order at every depth, as Go writes maps: clients compare bytes."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value
