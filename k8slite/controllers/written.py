"""Read your own writes: what the key in work has written, and a client that notes it.

This takes the place of upstream's expectations (upstream came to the same in KEP-5647): a key is
not reconciled again before the mirrors show what its last reconcile wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from attrs import define, field, frozen

from k8slite.client.client import MERGE_PATCH, Client, Json
from k8slite.client.resource import Resource
from k8slite.objects.errors import ApiError


@define
class Writes:
    """The writes of one reconcile."""

    # The highest resourceVersion that a write to each resource was answered with.
    _revisions: dict[Resource, int] = field(factory=dict)
    # Resources with a write of which no revision is known: the reply was lost, or names none.
    _unknown: dict[Resource, None] = field(factory=dict)

    @property
    def revisions(self) -> Mapping[Resource, int]:
        return self._revisions

    @property
    def unknown(self) -> tuple[Resource, ...]:
        return tuple(self._unknown)

    def __bool__(self) -> bool:
        return bool(self._revisions or self._unknown)

    def note(self, resource: Resource, answer: Json) -> None:
        """A write succeeded."""
        version = answer.get("metadata", {}).get("resourceVersion", "")
        if not version:
            self._unknown[resource] = None
            return
        revision = int(version)
        if revision > self._revisions.get(resource, 0):
            self._revisions[resource] = revision

    def note_failure(self, resource: Resource, error: BaseException) -> None:
        """A write failed; below 500 the server says that it did nothing."""
        if not isinstance(error, ApiError) or error.status_code >= 500:
            self._unknown[resource] = None


IN_WORK: ContextVar[Writes | None] = ContextVar("the writes of the key in work", default=None)


@frozen
class RememberingClient(Client):
    """A client whose writes are noted for the key in work, in whichever task they are made."""

    async def create(
        self,
        resource: Resource,
        obj: Json,
        namespace: str = "",
        *,
        name: str = "",
        subresource: str = "",
    ) -> Json:
        with _noting(resource) as answers:
            made = await Client.create(
                self, resource, obj, namespace, name=name, subresource=subresource
            )
            answers.append(made)
        return made

    async def update(self, resource: Resource, obj: Json, *, subresource: str = "") -> Json:
        with _noting(resource) as answers:
            made = await Client.update(self, resource, obj, subresource=subresource)
            answers.append(made)
        return made

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        namespace: str = "",
        *,
        subresource: str = "",
        patch_type: str = MERGE_PATCH,
    ) -> Json:
        with _noting(resource) as answers:
            made = await Client.patch(
                self,
                resource,
                name,
                patch,
                namespace,
                subresource=subresource,
                patch_type=patch_type,
            )
            answers.append(made)
        return made

    async def apply(
        self, resource: Resource, obj: Json, manager: str, *, subresource: str = ""
    ) -> Json:
        with _noting(resource) as answers:
            made = await Client.apply(self, resource, obj, manager, subresource=subresource)
            answers.append(made)
        return made

    async def delete(
        self, resource: Resource, name: str, namespace: str = "", options: Json | None = None
    ) -> Json:
        with _noting(resource) as answers:
            made = await Client.delete(self, resource, name, namespace, options)
            answers.append(made)
        return made


@contextmanager
def _noting(resource: Resource) -> Iterator[list[Json]]:
    writes = IN_WORK.get()
    answers: list[Json] = []
    try:
        yield answers
    except BaseException as error:
        if writes is not None:
            writes.note_failure(resource, error)
        raise
    if writes is not None:
        for answer in answers:
            writes.note(resource, answer)
