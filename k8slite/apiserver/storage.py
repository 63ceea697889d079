"""Objects in the store: every kind's keys, and synchronous reads across kinds.

Admission, allocation and the registry look objects up here; what they see is the newest
published state.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import define, field

from k8slite.kinds.kind import Kind
from k8slite.kinds.table import Kinds
from k8slite.objects.codec import loads, stored_tail
from k8slite.objects.codec import stored as stored_form
from k8slite.objects.errors import InternalError
from k8slite.store.store import Broken, KeyConflict, Store, Stored

Json = dict[str, Any]


@define(eq=False)
class Storage:
    """The store with the dictionary beside it."""

    store: Store
    kinds: Kinds
    # (group, plural) -> the version that objects are kept in.
    _preferred: dict[tuple[str, str], Kind] = field(factory=dict)

    def storage_kind(self, kind: Kind) -> Kind:
        """The kind under whose name and version objects of `kind` are kept."""
        if kind.stored_as is None:
            return kind if kind.keeps else self.preferred(kind.group, kind.plural)
        return self.preferred(*kind.stored_as)

    def preferred(self, group: str, plural: str) -> Kind:
        """The storage version of a resource. Raises KeyError where there is no such resource."""
        found = self._preferred.get((group, plural))
        if found is None:
            for kind in self.kinds.all():
                if kind.keeps:
                    self._preferred.setdefault((kind.group, kind.plural), kind)
            found = self._preferred[group, plural]
        return found

    def update(self, kinds: Kinds) -> None:
        """The kinds are these from now on: custom resources came or went."""
        self.kinds = kinds
        self._preferred.clear()

    def find(self, prefix: str, namespace: str, name: str) -> Json | None:
        """A decoded object by its kind's prefix ("pods/", "apps.deployments/")."""
        key = f"{prefix}{namespace}/{name}" if namespace else f"{prefix}{name}"
        stored = self.store.get(key)
        return None if stored is None else loads(stored.value)

    async def replace(self, stored: Stored, obj: Json) -> bool:
        """Put a version in the place of the one that was read; False where that has changed.

        For what stands below the registry. Raises InternalError when nothing can be written.
        """
        tail = stored_tail(obj)
        try:
            await self.store.put(
                stored.key, lambda revision: stored_form(tail, revision), expect=stored.revision
            )
        except KeyConflict:
            return False
        except Broken as error:
            raise InternalError(str(error)) from error
        return True

    def every(self, prefix: str) -> Iterator[tuple[Stored, Json]]:
        """All decoded objects under a prefix."""
        for stored in self.store.list(prefix).items:
            yield stored, loads(stored.value)
