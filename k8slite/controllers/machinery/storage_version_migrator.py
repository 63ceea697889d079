"""Has every object of a resource written again, so that all are stored in the newest version.

Upstream: `pkg/controller/storageversionmigrator`. A write that changes nothing is enough: the
server writes what is stored in another version. An object that somebody else has written meanwhile
has been migrated by that.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from k8slite.client.resource import STORAGE_VERSION_MIGRATIONS, Resource
from k8slite.controllers.controller import Context, Controller, own_key
from k8slite.controllers.machinery.discovery import discover
from k8slite.kinds.models import PartialObject
from k8slite.objects.errors import ApiError, Conflict, NotFound
from k8slite.objects.meta import Name, has_condition, timestamp

Json = dict[str, Any]

PAGE_OBJECTS: Final = 500  # read at once


class StorageVersionMigrator(Controller):
    """Its keys are the names of StorageVersionMigrations."""

    name: ClassVar[str] = "storage-version-migrator-controller"
    since: ClassVar[int] = 37

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._migrations = self.mirrors.of(STORAGE_VERSION_MIGRATIONS, PartialObject)
        self.watch(self._migrations, own_key)

    async def reconcile(self, name: Name) -> None:
        migration = self._migrations.document(name)
        if migration is None or "deletionTimestamp" in migration["metadata"]:
            return
        if has_condition(migration, "Succeeded") or has_condition(migration, "Failed"):
            return
        resource = await self._resource(migration["spec"].get("resource") or {})
        if resource is None:
            message = "resource does not exist, or cannot be listed and patched"
            await self._end(migration, "Failed", "StorageVersionMigrationFailed", message)
            return
        if not has_condition(migration, "Running"):
            page = await self.client.list(resource, limit=1)
            status = {"resourceVersion": page["metadata"]["resourceVersion"]}
            await self._condition(migration, "Running", "StorageVersionMigrationInProgress", status)
            return  # that change leads here again
        try:
            await self._write_all(resource)
        except ApiError as error:
            if error.status_code >= 500:
                raise
            await self._end(migration, "Failed", "StorageVersionMigrationFailed", error.message)
            return
        await self._end(migration, "Succeeded", "StorageVersionMigrationSucceeded", "")

    async def _resource(self, wanted: Json) -> Resource | None:
        group, plural = wanted.get("group", ""), wanted.get("resource", "")
        found = await discover(self.client)
        for one in found.with_verbs("list", "patch"):
            if (one.group, one.plural) == (group, plural):
                return one
        if any(group == failure.group_version.partition("/")[0] for failure in found.failures):
            raise NotFound(f"group {group} cannot be read for now")
        return None

    async def _write_all(self, resource: Resource) -> None:
        more: dict[str, str | int] = {}
        while True:
            page = await self.client.list(resource, "", limit=PAGE_OBJECTS, **more)
            for one in page.get("items") or ():
                await self._write(resource, one["metadata"])
            if not page["metadata"].get("continue"):
                return
            more = {"continue_": page["metadata"]["continue"]}

    async def _write(self, resource: Resource, metadata: Json) -> None:
        expected = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        namespace = metadata.get("namespace", "")
        try:
            await self.client.patch(resource, metadata["name"], {"metadata": expected}, namespace)
        except (NotFound, Conflict):
            return  # gone, or written by somebody else

    async def _end(self, migration: Json, type_: str, reason: str, message: str) -> None:
        await self._condition(migration, type_, reason, {}, message)

    async def _condition(
        self, migration: Json, type_: str, reason: str, status: Json, message: str = ""
    ) -> None:
        """Add a condition that holds; one that ends the migration ends its running, too."""
        now = timestamp(self.world.now())
        conditions = list((migration.get("status") or {}).get("conditions") or ())
        if type_ != "Running":
            conditions = [
                {**one, "status": "False", "lastTransitionTime": now}
                if one["type"] == "Running"
                else one
                for one in conditions
            ]
        conditions.append(
            {
                "type": type_,
                "status": "True",
                "lastTransitionTime": now,
                "reason": reason,
                "message": message,
            }
        )
        metadata = migration["metadata"]
        patch = {
            "metadata": {"uid": metadata["uid"]},
            "status": {**status, "conditions": conditions},
        }
        await self.client.patch(
            STORAGE_VERSION_MIGRATIONS, metadata["name"], patch, subresource="status"
        )
