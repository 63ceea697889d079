"""A controller's cache of one resource: its mirror, read as plain dicts.

What comes out is decoded afresh at each call, and the caller's to change. It may be behind the
API server; how far its controller lets it be is `custom.Controller`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from k8slite.client.informer import Mirror
from k8slite.client.resource import Resource
from k8slite.controllers.ownership import controlled, index_by_controller
from k8slite.kinds.models import PartialObject
from k8slite.objects.meta import Name
from k8slite.objects.selectors import EVERYTHING, Selector, parse_selector, selector_of
from k8slite.objects.selectors import selector_of_labels as labelled

Json = dict[str, Any]
Documents = list[Json]
Metadatas = list[PartialObject]
Labels = str | Mapping[str, Any]
ModelKeys = Callable[[PartialObject | None, PartialObject | None], Iterable[Name]]
DocumentKeys = Callable[[Json | None, Json | None], Iterable[Name] | None]

_BY_NAMESPACE: Final = "by namespace"


class Cache:
    """All objects of one resource, as far as the watch has brought them. Reads never wait."""

    def __init__(self, mirror: Mirror[PartialObject]) -> None:
        self.mirror: Final = mirror
        mirror.add_index(_BY_NAMESPACE, lambda obj: (obj.metadata.namespace,))
        index_by_controller(mirror)

    @property
    def resource(self) -> Resource:
        """What it is a cache of."""
        return self.mirror.resource

    @property
    def revision(self) -> int:
        """The resourceVersion up to which every change is in here."""
        return self.mirror.revision

    def __len__(self) -> int:
        return len(self.mirror)

    def __contains__(self, name: Name) -> bool:
        return self.mirror.get(name) is not None

    def get(self, name: Name) -> Json | None:
        """The object of that name (`Name(namespace, name)`, or such a pair), or None."""
        return self.mirror.document(name)

    def list(self, namespace: str = "", labels: Labels = "") -> Documents:
        """The objects of a namespace ("": of all), in order of namespace and name.

        `labels` is a selector as kubectl takes it (`"app=web,tier in (a, b)"`), labels that all
        must be there (`{"app": "web"}`), or an object's own `{"matchLabels": ...}`. Raises
        ValueError for what is no selector.
        """
        selector = _selector(labels)
        mirror = self.mirror
        found = mirror.indexed(_BY_NAMESPACE, namespace) if namespace else mirror.all()
        if not selector.empty:
            found = [obj for obj in found if selector.matches(obj.metadata.labels)]
        return self._documents(found)

    def owned_by(self, owner: Json) -> Documents:
        """What `owner` controls: the objects with its uid in their `controller: true` reference."""
        return self._documents(controlled(self.mirror, owner["metadata"]["uid"]))

    def _documents(self, objects: Metadatas) -> Documents:
        found = (self.mirror.document(obj.metadata.full_name) for obj in objects)
        return [document for document in found if document is not None]


def own_name(old: PartialObject | None, new: PartialObject | None) -> Iterable[Name]:
    """The key that an object is itself."""
    for obj in (new or old,):
        if obj is not None:
            yield obj.metadata.full_name


def controller_names(owner: Resource) -> ModelKeys:
    """The keys of those objects of a resource that control, or controlled, what has changed
    (upstream: controller-runtime's EnqueueRequestForOwner; of versions only the group counts)."""

    def keys(old: PartialObject | None, new: PartialObject | None) -> Iterable[Name]:
        for obj in (old, new):
            reference = obj.metadata.controller if obj is not None else None
            if obj is None or reference is None or reference.kind != owner.kind:
                continue
            if reference.api_version.rpartition("/")[0] == owner.group:
                yield Name(obj.metadata.namespace if owner.namespaced else "", reference.name)

    return keys


def document_keys(mirror: Mirror[PartialObject], keys: DocumentKeys) -> ModelKeys:
    """Let keys be told from whole objects, old and new."""
    known: dict[Name, bytes] = {}  # as the mirror keeps them too, so that they take no room

    def changed(old: PartialObject | None, new: PartialObject | None) -> Iterable[Name]:
        ((name,)) = own_name(old, new)
        before = known.pop(name, None)
        after = mirror.encoded(name) if new is not None else None
        if after is not None:
            known[name] = after
        found = keys(
            mirror.decoded(before) if before is not None else None,
            mirror.decoded(after) if after is not None else None,
        )
        return [Name(*key) for key in found or ()]

    return changed


def _selector(labels: Labels) -> Selector:
    if isinstance(labels, str):
        return parse_selector(labels) if labels else EVERYTHING
    if isinstance(labels.get("matchLabels"), Mapping) or "matchExpressions" in labels:
        return selector_of(labels)
    return labelled(labels)
