"""A namespace's quotas: what is written is charged, and refused where it would be too much.

The charge is a write to the quota's status, made before the object is; of two writers that race
for the last of something one loses. Charges for objects that are not made after all are taken
back by the quota controller, which counts. Mirrors `apiserver/pkg/admission/plugin/resourcequota`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.admission.refusal import forbidden
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.field_management import FieldManagement
from k8slite.apiserver.storage import Storage
from k8slite.kinds.usage import (
    Amounts,
    concerned,
    in_scopes,
    missing_in_containers,
    text,
    used_by,
)
from k8slite.messages import User
from k8slite.objects.quantity import nano
from k8slite.world import World

Json = dict[str, Any]

_QUOTAS: Final = "resourcequotas/"
# Whose changes are charged too, not only their creation.
_CHARGED_CHANGES: Final = ("services", "persistentvolumeclaims")


@frozen
class ResourceQuota:
    """Upstream's plugin of that name."""

    storage: Storage
    world: World
    management: FieldManagement
    resources: Sequence[str] = ("*",)
    operations: Sequence[str] = ("CREATE", "UPDATE")
    subresources: bool = False

    async def validate(self, attributes: Attributes) -> None:
        asked = attributes.asked
        resource = asked.kind.group_resource
        if not asked.namespace or self.sleeps(asked.user, resource, attributes.operation):
            return
        while not await self._charged(attributes, resource):
            pass  # somebody else has charged one of the quotas meanwhile

    def sleeps(self, user: User, resource: str, operation: str) -> bool:
        """Whether there are no quotas, or such a write is not charged."""
        if operation == "UPDATE" and resource not in _CHARGED_CHANGES:
            return True
        return not self.storage.store.count(_QUOTAS)

    async def _charged(self, attributes: Attributes, resource: str) -> bool:
        """Charge every quota that is concerned; False where one has changed under our hands."""
        obj, old, asked = attributes.new, attributes.old, attributes.asked
        assert obj is not None
        found = [
            (stored, quota, names)
            for stored, quota in self.storage.every(f"{_QUOTAS}{asked.namespace}/")
            if (names := self._names(quota, resource, obj))
        ]
        for _, quota, names in found:
            self._check(attributes, resource, quota, names)
        now = self.world.now()
        delta = used_by(resource, obj, now)
        if old is not None:
            before = used_by(resource, old, now)
            delta = {name: max(0, value - before.get(name, 0)) for name, value in delta.items()}
        charges = []
        for stored, quota, names in found:
            charge = {name: delta[name] for name in sorted(names) if delta.get(name)}
            if charge:
                charges.append((stored, quota, self._with(attributes, quota, charge)))
        if asked.dry_run:
            return True
        kind = self.storage.preferred("", "resourcequotas")
        for stored, old_quota, new_quota in charges:
            quota = self.management.track_status(kind, new_quota, old_quota)
            if not await self.storage.replace(stored, quota):
                return False
        return True

    def _names(self, quota: Json, resource: str, obj: Json) -> set[str]:
        """What a quota limits of this object."""
        if not in_scopes(quota.get("spec") or {}, resource, obj):
            return set()
        return concerned(resource, (quota.get("status") or {}).get("hard") or {})

    def _check(
        self, attributes: Attributes, resource: str, quota: Json, names: Iterable[str]
    ) -> None:
        name = quota["metadata"]["name"]
        if resource == "pods" and attributes.new is not None:
            complaint = missing_in_containers(attributes.new, names)
            if complaint:
                raise forbidden(attributes, f"failed quota: {name}: {complaint}")
        used = quota["status"].get("used") or {}
        unknown = [one for one in names if one not in used]
        if unknown:
            listed = ",".join(sorted(names))
            raise forbidden(attributes, f"status unknown for quota: {name}, resources: {listed}")

    def _with(self, attributes: Attributes, quota: Json, charge: Amounts) -> Json:
        """A quota with more used. Raises Forbidden where that is too much."""
        status = quota["status"]
        hard, used = status["hard"], status["used"]
        after = {name: nano(used[name]) + value for name, value in charge.items()}
        over = [name for name, value in after.items() if value > nano(hard[name])]
        if over:
            requested = {name: text(name, charge[name], hard[name]) for name in over}
            raise forbidden(
                attributes,
                f"exceeded quota: {quota['metadata']['name']}, requested: {_listed(requested)}, "
                f"used: {_listed({name: used[name] for name in over})}, "
                f"limited: {_listed({name: hard[name] for name in over})}",
            )
        texts = {name: text(name, value, used[name]) for name, value in after.items()}
        return {**quota, "status": {**status, "used": {**used, **texts}}}


def _listed(quantities: Mapping[str, str]) -> str:
    return ",".join(f"{name}={quantities[name]}" for name in sorted(quantities))
