"""Definitions of custom resources: their names are accepted, they are established, and with them
go their objects.

Upstream has a controller for each inside of the API server: `apiextensions-apiserver/pkg/
controller/{status,establish,finalizer}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, ClassVar, Final

from k8slite.client.resource import API_SERVICES, CUSTOM_RESOURCE_DEFINITIONS, Resource
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.apiextensions.conversion_validation import has_bad_bundle
from k8slite.kinds.apiextensions.definition_defaults import CLEANUP
from k8slite.kinds.apiregistration.local_services import AUTOMANAGED, local_service
from k8slite.kinds.models import PartialObject
from k8slite.objects.errors import AlreadyExists, NotFound
from k8slite.objects.meta import Name, find_condition, has_condition, timestamp

Json = dict[str, Any]

# How often objects that are on their way out are looked at again.
_AGAIN_SECONDS: Final = 1.0
_NAMES: Final = (
    ("plural", "PluralConflict"),
    ("singular", "SingularConflict"),
    ("shortNames", "ShortNamesConflict"),
    ("kind", "KindConflict"),
    ("listKind", "ListKindConflict"),
)
_KINDS: Final = ("kind", "listKind")


class CustomResourceDefinitionController(Controller):
    """Its keys are the names of definitions."""

    name: ClassVar[str] = "crd-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._definitions = self.mirrors.of(CUSTOM_RESOURCE_DEFINITIONS, PartialObject)
        self._services = self.mirrors.of(API_SERVICES, PartialObject)
        self.watch(self._definitions, self._concerned)

    async def reconcile(self, name: Name) -> float | None:
        """Accept its names, or remove its objects and let it go."""
        definition = self._definitions.document(name)
        await self._register(name.name.partition(".")[2])
        if definition is None:
            return None
        metadata = definition["metadata"]
        if "deletionTimestamp" in metadata:
            if CLEANUP in metadata.get("finalizers", ()):
                return await self._clean_up(definition)
            return None
        status = self._named(definition)
        if status != (definition.get("status") or {}):
            await self._write(definition, status)
        return None

    async def _register(self, group: str) -> None:
        """Have an APIService for each version of a group that is served, and no others."""
        served = {
            f"{version['name']}.{group}": version["name"]
            for definition in self._of_group(group)
            for version in definition["spec"]["versions"]
            if version.get("served") and has_condition(definition, "Established")
        }
        known = {
            one.metadata.name: one
            for one in self._services.all()
            if one.metadata.name.partition(".")[2] == group
        }
        for name in sorted(served.keys() - known.keys()):
            now = timestamp(self.world.now())
            with suppress(AlreadyExists):
                # That it is available is another controller's word.
                await self.client.create(
                    API_SERVICES, local_service(group, served[name], "true", now)
                )
        for name in sorted(known.keys() - served.keys()):
            if known[name].metadata.labels.get(AUTOMANAGED) == "true":
                with suppress(NotFound):
                    await self.client.delete(API_SERVICES, name)

    def _of_group(self, group: str) -> Iterable[Json]:
        for one in self._definitions.all():
            if one.metadata.name.partition(".")[2] == group:
                found = self._definitions.document(one.metadata.full_name)
                assert found is not None, "a mirror has the document of what it has"
                yield found

    def _concerned(self, old: PartialObject | None, new: PartialObject | None) -> Iterable[Name]:
        """The one that has changed, and the others of its group: names may have become free."""
        found = new or old
        assert found is not None, "a change is of something"
        name = found.metadata.name
        group = name.partition(".")[2]
        for one in self._definitions.all():
            if one.metadata.name.partition(".")[2] == group:
                yield one.metadata.full_name

    def _named(self, definition: Json) -> Json:
        """The status with the names that can be had (upstream: calculateNamesAndConditions)."""
        spec = definition["spec"]
        status = dict(definition.get("status") or {})
        before = status.get("acceptedNames") or {}
        taken, taken_kinds = self._taken(definition)
        wanted = spec["names"]
        accepted, conflict = dict(before), ("", "")
        for part, reason in _NAMES:
            others = taken_kinds if part in _KINDS else taken
            asked = wanted.get(part) or ([] if part == "shortNames" else "")
            new = [asked] if isinstance(asked, str) else list(asked)
            held = before.get(part) or ()
            held = (held,) if isinstance(held, str) else held
            clash = [one for one in new if one and one in others and one not in held]
            if clash:
                conflict = (reason, f'"{clash[0]}" is already in use')
            else:
                accepted[part] = asked
        accepted["categories"] = list(wanted.get("categories") or ())
        accepted = {part: value for part, value in accepted.items() if value}
        reason, message = conflict
        if reason:
            status = self._with(status, "NamesAccepted", "False", reason, message)
            if find_condition(status.get("conditions") or (), "Established") is None:
                text = "not all names are accepted"
                status = self._with(status, "Established", "False", "NotAccepted", text)
        else:
            text = "no conflicts found"
            status = self._with(status, "NamesAccepted", "True", "NoConflicts", text)
            status = self._established(definition, status)
        if accepted != {part: value for part, value in before.items() if value}:
            status["acceptedNames"] = accepted
        return status

    def _established(self, definition: Json, status: Json) -> Json:
        """The status of one whose names are accepted (upstream: the establishing controller)."""
        if not has_condition(definition, "Established") and has_bad_bundle(definition):
            text = "The conversion webhook CABundle is invalid"
            return self._with(status, "Established", "False", "InvalidCABundle", text)
        text = "the initial names have been accepted"
        return self._with(status, "Established", "True", "InitialNamesAccepted", text)

    def _taken(self, definition: Json) -> tuple[set[str], set[str]]:
        """The names and kinds that other definitions of the group have."""
        names: set[str] = set()
        kinds: set[str] = set()
        for other in self._of_group(definition["spec"]["group"]):
            if other["metadata"]["name"] == definition["metadata"]["name"]:
                continue
            accepted = (other.get("status") or {}).get("acceptedNames") or {}
            names |= {accepted.get("plural", ""), accepted.get("singular", "")}
            names |= set(accepted.get("shortNames") or ())
            kinds |= {accepted.get("kind", ""), accepted.get("listKind", "")}
        return names - {""}, kinds - {""}

    async def _clean_up(self, definition: Json) -> float | None:
        """Delete all objects; when none is left, let the definition go."""
        resource = _resource(definition)
        left = False
        if resource is not None and has_condition(definition, "Established"):
            left = await self._delete_objects(resource)
        status = dict(definition.get("status") or {})
        if left:
            reason, text = "InstanceDeletionInProgress", "CustomResource deletion is in progress"
            status = self._with(status, "Terminating", "True", reason, text)
        else:
            reason, text = "InstanceDeletionCompleted", "removed all instances"
            status = self._with(status, "Terminating", "False", reason, text)
        if status != definition.get("status"):
            definition = await self._write(definition, status)
        if left:
            return _AGAIN_SECONDS
        metadata = definition["metadata"]
        finalizers = [one for one in metadata.get("finalizers", ()) if one != CLEANUP]
        patch = {
            "metadata": {
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
                "finalizers": finalizers or None,
            }
        }
        await self.client.patch(CUSTOM_RESOURCE_DEFINITIONS, metadata["name"], patch)
        return None

    async def _delete_objects(self, resource: Resource) -> bool:
        """Delete what there is; whether something is left."""
        try:
            listed = await self.client.list(resource)
            namespaces = {one["metadata"].get("namespace", "") for one in listed["items"]}
            for namespace in sorted(namespaces):
                await self.client.request("DELETE", resource.path(namespace))
            return bool((await self.client.list(resource, limit=1))["items"])
        except NotFound:
            return False  # not served any more

    async def _write(self, definition: Json, status: Json) -> Json:
        metadata = definition["metadata"]
        patch = {
            "metadata": {
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "status": status,
        }
        name = metadata["name"]
        return await self.client.patch(
            CUSTOM_RESOURCE_DEFINITIONS, name, patch, subresource="status"
        )

    def _with(self, status: Json, type_: str, value: str, reason: str, message: str) -> Json:
        """A status with a condition; its time is when its status has changed."""
        conditions = list(status.get("conditions") or ())
        known = find_condition(conditions, type_)
        now = timestamp(self.world.now())
        before = known.get("lastTransitionTime") if known and known["status"] == value else None
        since = before or now
        condition = {
            "type": type_,
            "status": value,
            "lastTransitionTime": since,
            "reason": reason,
            "message": message,
        }
        if known is None:
            conditions.append(condition)
        else:
            kept = {key: known[key] for key in ("observedGeneration",) if key in known}
            conditions[conditions.index(known)] = {**condition, **kept}
        return {**status, "conditions": conditions}


def _resource(definition: Json) -> Resource | None:
    """A version in which the objects can be reached, best the one in which they are kept, so that
    nothing must be converted; None where none is served."""
    spec = definition["spec"]
    names = (definition.get("status") or {}).get("acceptedNames") or spec["names"]
    namespaced = spec["scope"] == "Namespaced"
    served = [version for version in spec["versions"] if version.get("served")]
    served.sort(key=lambda version: not version.get("storage"))
    if not served:
        return None
    version = served[0]["name"]
    return Resource(spec["group"], version, names["plural"], names["kind"], namespaced)
