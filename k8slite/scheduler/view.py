"""What plugins see besides pods and nodes: services, budgets, claims, volumes and the like.

Each resource is mirrored as far as some plugin reads it, in the models that the table names.
"""

from __future__ import annotations

from typing import Any, Final

import trio
from attrs import define, field

from k8slite.client.resource import (
    CSI_DRIVERS,
    CSI_NODES,
    CSI_STORAGE_CAPACITIES,
    DEVICE_CLASSES,
    DEVICE_TAINT_RULES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    POD_DISRUPTION_BUDGETS,
    RESOURCE_CLAIMS,
    RESOURCE_SLICES,
    STORAGE_CLASSES,
    Resource,
)
from k8slite.kinds.core.volume_models import (
    CsiDriver,
    CsiNode,
    CsiStorageCapacity,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
)
from k8slite.kinds.policy.models import PodDisruptionBudget
from k8slite.kinds.resource.models import (
    DeviceClass,
    DeviceTaintRule,
    ResourceClaim,
    ResourceSlice,
)
from k8slite.objects.meta import Name
from k8slite.scheduler.devices.in_use import DevicesInUse
from k8slite.scheduler.devices.pools import Pool, pools_of
from k8slite.scheduler.owners import MIRRORED, Owners


@define(eq=False)
class View:
    """The objects of each resource; `version` grows when one that decides about pods changes."""

    owners: Owners = field(factory=Owners)
    version: int = 0
    devices_in_use: DevicesInUse = field(factory=DevicesInUse)
    _pools: list[Pool] | None = None  # of devices; None: to be made anew
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
        if resource is RESOURCE_CLAIMS:
            self.devices_in_use.put(old, new)
        elif resource in (RESOURCE_SLICES, DEVICE_TAINT_RULES):
            self._pools = None
        decides = resource is not POD_DISRUPTION_BUDGETS
        self.version += decides
        if decides:
            self._changed.set()
            self._changed = trio.Event()
        return decides

    def pools(self) -> list[Pool]:
        """The devices that drivers have published."""
        if self._pools is None:
            slices, rules = self.all(RESOURCE_SLICES), self.all(DEVICE_TAINT_RULES)
            self._pools = pools_of(slices, rules)
        return self._pools

    async def change(self) -> None:
        """Wait for the next change of what decides about pods."""
        await self._changed.wait()

    def get(self, resource: Resource, name: str, namespace: str = "") -> Any:
        """An object, in the model of the table; None if there is none."""
        return self._objects.get(resource, {}).get(Name(namespace, name))

    def all(self, resource: Resource) -> list[Any]:
        """Every object of a resource."""
        return list(self._objects.get(resource, {}).values())


NEWEST_MINOR: Final = 37  # of the versions whose objects are known here
_OWNING: Final = tuple(resource for resource, _ in MIRRORED)

# Each with the minor version of Kubernetes that first serves it.
_MODELS: Final[tuple[tuple[Resource, type[Any], int], ...]] = (
    *((resource, model, 0) for resource, model in MIRRORED),
    (POD_DISRUPTION_BUDGETS, PodDisruptionBudget, 0),
    (PERSISTENT_VOLUME_CLAIMS, PersistentVolumeClaim, 0),
    (PERSISTENT_VOLUMES, PersistentVolume, 0),
    (STORAGE_CLASSES, StorageClass, 0),
    (CSI_NODES, CsiNode, 0),
    (CSI_DRIVERS, CsiDriver, 0),
    (CSI_STORAGE_CAPACITIES, CsiStorageCapacity, 0),
    (RESOURCE_CLAIMS, ResourceClaim, 34),
    (RESOURCE_SLICES, ResourceSlice, 34),
    (DEVICE_CLASSES, DeviceClass, 34),
    (DEVICE_TAINT_RULES, DeviceTaintRule, 37),
)


def models(minor: int) -> list[tuple[Resource, type[Any]]]:
    """What is mirrored of a cluster of that version."""
    return [(resource, model) for resource, model, since in _MODELS if since <= minor]
