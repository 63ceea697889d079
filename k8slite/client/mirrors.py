"""The mirrors of a component: made when they are first asked for, and shared by its parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import trio

from k8slite.client.client import Client
from k8slite.client.informer import Mirror
from k8slite.client.resource import Resource
from k8slite.kinds.models import Model
from k8slite.world import World

M = TypeVar("M", bound=Model)


@runtime_checkable
class Mirroring(Protocol):
    """Who keeps mirrors and shows them, to be held against the store."""

    def mirrored(self) -> Sequence[Mirror[Any]]:
        """The mirrors that it keeps."""
        ...


class Mirrors:
    """A component's mirrors, each shared by all of its users; an Actor."""

    def __init__(
        self, client: Client, world: World, name: str, *, consistent_start: bool = True
    ) -> None:
        self.name = name
        self._client = client
        self._world = world
        self._consistent_start = consistent_start
        self._mirrors: dict[tuple[Resource, type[Any]], Mirror[Any]] = {}
        self._nursery: trio.Nursery | None = None

    def of(self, resource: Resource, model: type[M]) -> Mirror[M]:
        """The mirror of a resource; the same one for the same model."""
        mirror = self._mirrors.get((resource, model))
        if mirror is None:
            mirror = Mirror(
                self._client,
                resource,
                model,
                world=self._world,
                consistent_start=self._consistent_start,
            )
            self._mirrors[resource, model] = mirror
            if self._nursery is not None:
                self._nursery.start_soon(mirror.run)
        return mirror

    def known(self, resource: Resource) -> Mirror[Any] | None:
        """A mirror of the resource that somebody has asked for already, whatever its model."""
        for (known, _), mirror in self._mirrors.items():
            if known == resource:
                return mirror
        return None

    def mirrored(self) -> list[Mirror[Any]]:
        """All that were asked for."""
        return list(self._mirrors.values())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run every mirror, also those asked for later; started when all known have synced."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                known = list(self._mirrors.values())
                for mirror in known:
                    nursery.start_soon(mirror.run)
                for mirror in known:
                    await mirror.synced()
                task_status.started()
                await trio.sleep_forever()
            finally:
                self._nursery = None
