"""What plugins see besides pods and nodes: services, budgets, claims, volumes and the like.

Each resource is mirrored as far as some plugin reads it, in the models that the table names.
"""

from __future__ import annotations

from typing import Any, Final

import trio
from attrs import define, field

from k8slite.client.resource import (
    CSI_NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    POD_DISRUPTION_BUDGETS,
    STORAGE_CLASSES,
    Resource,
)
from k8slite.kinds.core.volume_models import (
    CsiNode,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
)
from k8slite.kinds.policy.models import PodDisruptionBudget
from k8slite.objects.meta import Name
from k8slite.scheduler.owners import MIRRORED, Owners


@define(eq=False)
class View:
    """The objects of each resource; `version` grows when one that decides about pods changes."""

    owners: Owners = field(factory=Owners)
    version: int = 0
    _changed: trio.Event = field(factory=trio.Event)
    _objects: dict[Resource, dict[Name, Any]] = field(factory=dict)

    def put(self, resource: Resource, old: Any, new: Any) -> bool:
        """One came, changed or went; whether pods may fit now that did not.

        Raises ValueError for a selector that is none.
        """
        if resource in _OWNING:
            self.owners.put(resource.kind, old, new)
            return False
        objects = self._objects.setdefault(resource, {})
        if new is None:
            objects.pop(old.metadata.full_name, None)
        else:
            objects[new.metadata.full_name] = new
        decides = resource is not POD_DISRUPTION_BUDGETS
        self.version += decides
        if decides:
            self._changed.set()
            self._changed = trio.Event()
        return decides

    async def change(self) -> None:
        """Wait for the next change of what decides about pods."""
        await self._changed.wait()

    def get(self, resource: Resource, name: str, namespace: str = "") -> Any:
        """An object, in the model of the table; None if there is none."""
        return self._objects.get(resource, {}).get(Name(namespace, name))

    def all(self, resource: Resource) -> list[Any]:
        """Every object of a resource."""
        return list(self._objects.get(resource, {}).values())


_OWNING: Final = tuple(resource for resource, _ in MIRRORED)

MODELS: Final[tuple[tuple[Resource, type[Any]], ...]] = (
    *MIRRORED,
    (POD_DISRUPTION_BUDGETS, PodDisruptionBudget),
    (PERSISTENT_VOLUME_CLAIMS, PersistentVolumeClaim),
    (PERSISTENT_VOLUMES, PersistentVolume),
    (STORAGE_CLASSES, StorageClass),
    (CSI_NODES, CsiNode),
)
