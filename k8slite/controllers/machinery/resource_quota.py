"""Keeps the status of quotas true: how much there may be, and how much there is.

Admission charges what is made; this controller counts anew when a quota changes, when something
that it limits goes away, and every five minutes. Upstream: `pkg/controller/resourcequota`.

A charge comes before the object that it is for. So what seems to be charged too much is believed
only when the quota has rested for a moment, in which the object would have come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

import trio

from k8slite.client.informer import Mirror
from k8slite.client.resource import BUILT_IN, PODS, RESOURCE_QUOTAS, SERVICES, Resource
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.core.models import Pod, Service
from k8slite.kinds.models import Model, PartialObject
from k8slite.kinds.usage import Amounts, concerned, in_scopes, resources_of, text, used_by
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name
from k8slite.objects.quantity import nano

Json = dict[str, Any]

RESYNC_SECONDS: Final = 300.0  # --resource-quota-sync-period
REST_SECONDS: Final = 1.0  # far longer than a write takes from its charge to its object
_MODELS: Final[dict[Resource, type[Any]]] = {PODS: Pod, SERVICES: Service}
_BY_NAME: Final = {
    f"{one.plural}.{one.group}" if one.group else one.plural: one for one in BUILT_IN.values()
}


class ResourceQuotaController(Controller):
    """Its keys are the names of ResourceQuotas."""

    name: ClassVar[str] = "resourcequota-controller"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._quotas = self.mirrors.of(RESOURCE_QUOTAS, PartialObject)
        self._monitored: dict[Resource, Mirror[Any]] = {}
        self._changed_at: dict[Name, float] = {}  # when a quota was last seen to change
        self.watch(self._quotas, self._of_quota)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Count what is to be counted, and now and then everything."""
        async with trio.open_nursery() as nursery:
            await nursery.start(super().run)
            task_status.started()
            while True:
                await trio.sleep(RESYNC_SECONDS)
                for quota in self._quotas.all():
                    self.queue.add(quota.metadata.full_name)

    async def reconcile(self, name: Name) -> float | None:
        """Count what a quota limits, and write it down where it differs."""
        quota = self._quotas.document(name)
        if quota is None:
            return None
        hard = (quota.get("spec") or {}).get("hard") or {}
        status = quota.get("status") or {}
        rested_at = self._changed_at.get(name, 0.0) + REST_SECONDS
        counted = await self._count(quota, hard)
        used = {key: text(key, value, hard[key]) for key, value in sorted(counted.items())}
        before = status.get("used") or {}
        if status.get("hard") == hard and before == used:
            return None
        less = any(nano(before[key]) > value for key, value in counted.items() if key in before)
        if less and status.get("hard") == hard and trio.current_time() < rested_at:
            return rested_at - trio.current_time()
        changed = {**quota, "status": {"hard": hard, "used": used}}
        await self.client.update(RESOURCE_QUOTAS, changed, subresource="status")
        return None

    async def _count(self, quota: Json, hard: Json) -> Amounts:
        """How much there is of everything that is limited; what nobody knows is left out."""
        spec, namespace = quota["spec"], quota["metadata"]["namespace"]
        now = self.world.now()
        found: Amounts = {}
        for plural in sorted(resources_of(hard)):
            resource = _BY_NAME.get(plural)
            if resource is None or not resource.namespaced:
                continue
            self._monitor(plural, resource)
            names = concerned(plural, hard)
            found |= dict.fromkeys(names, 0)
            try:
                listed = await self.client.list(resource, namespace)
            except NotFound:
                continue  # this version of Kubernetes has no such resource
            for obj in listed["items"]:
                if in_scopes(spec, plural, obj):
                    uses = used_by(plural, obj, now)
                    for name in names:
                        found[name] += uses.get(name, 0)
        return found

    # What leads to a new count

    def _of_quota(self, old: PartialObject | None, new: PartialObject | None) -> Iterable[Name]:
        obj = new or old
        assert obj is not None, "a change is of something"
        name = obj.metadata.full_name
        if new is None:
            self._changed_at.pop(name, None)
            return ()
        self._changed_at[name] = trio.current_time()
        return (name,)

    def _monitor(self, plural: str, resource: Resource) -> None:
        """Hear of what goes away, from now on."""
        if resource in self._monitored:
            return
        mirror = self.mirrors.of(resource, _MODELS.get(resource, PartialObject))
        self._monitored[resource] = mirror
        self.watch(mirror, self._released(plural))

    def _released(self, plural: str) -> Callable[[Any, Any], Iterable[Name]]:
        def keys(old: Model | None, new: Model | None) -> Iterable[Name]:
            if old is None or (new is not None and not _may_release(old, new)):
                return
            for quota in self._quotas.all():
                name = quota.metadata.full_name
                if name.namespace != old.metadata.namespace:
                    continue
                document = self._quotas.document(name) or {}
                if concerned(plural, (document.get("spec") or {}).get("hard") or {}):
                    yield name

        return keys


def _may_release(old: Model, new: Model) -> bool:
    """Whether a change may have made something free."""
    if isinstance(old, Pod) and isinstance(new, Pod):
        return new.terminal and not old.terminal
    return isinstance(old, Service)
