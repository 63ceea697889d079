"""metadata.managedFields: read, written, kept in order and short. Pure.

A writer is known by its name, what it does (Apply or Update), the subresource that it writes
through and, for an Update, the version that it speaks. Upstream:
`apimachinery/pkg/util/managedfields/internal` (managedfields, capmanagers).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple

from attrs import define, field

from k8slite.objects.fieldsets import FieldSet, union

Json = dict[str, Any]

UPDATERS_MOST: Final = 10  # upstream: DefaultMaxUpdateManagers
_ANCIENT: Final = "ancient-changes"
_STEPS: Final = ("f:", "k:", "v:", "i:")


class Malformed(Exception):
    """managedFields that nobody could have written."""


class Manager(NamedTuple):
    """What tells writers apart (upstream: BuildManagerIdentifier)."""

    name: str
    operation: Literal["Apply", "Update"]
    api_version: str  # "" for an applier, who keeps his fields when he changes it
    subresource: str = ""


@define
class Owners:
    """Who owns what, since when, and in which version."""

    fields: dict[Manager, FieldSet] = field(factory=dict)
    times: dict[Manager, str] = field(factory=dict)
    versions: dict[Manager, str] = field(factory=dict)

    @classmethod
    def read(cls, entries: Iterable[Json]) -> Owners:
        """From what an object holds. Raises Malformed."""
        found = cls()
        for entry in entries:
            if entry.get("fieldsType") != "FieldsV1":
                raise Malformed(f"unsupported fieldsType {entry.get('fieldsType')}")
            version = entry.get("apiVersion", "")
            applies = entry.get("operation") == "Apply"
            manager = Manager(
                entry.get("manager", ""),
                entry.get("operation", ""),
                "" if applies else version,
                entry.get("subresource", ""),
            )
            found.fields[manager] = entry.get("fieldsV1") or {}
            found.versions[manager] = version
            if entry.get("time"):
                found.times[manager] = entry["time"]
        return found

    def write(self, last: Manager | None = None) -> list[Json]:
        """As an object holds it; what `last` did comes after what others did in its second."""

        def order(manager: Manager) -> tuple[Any, ...]:
            since = self.times.get(manager, "")
            return (
                manager.operation,
                since,
                manager == last,
                manager.name,
                self.versions[manager],
                manager.subresource,
            )

        return [self._entry(manager) for manager in sorted(self.fields, key=order)]

    def capped(self) -> Owners:
        """With the oldest updaters of a version made one, where there are too many of them."""
        updaters = [manager for manager in self.fields if manager.operation == "Update"]
        surplus = len(updaters) - UPDATERS_MOST
        if surplus <= 0:
            return self
        found = Owners(dict(self.fields), dict(self.times), dict(self.versions))
        first: dict[str, Manager] = {}
        for manager in sorted(updaters, key=lambda one: (self.times.get(one, ""), one)):
            version = self.versions[manager]
            if surplus <= 0:
                break
            if version not in first:
                first[version] = manager
                continue
            bucket = Manager(_ANCIENT, "Update", version)
            if bucket not in found.fields:
                found.fields[bucket] = found.fields.pop(first[version])
                found.versions[bucket] = version
            if manager != bucket:
                found.fields[bucket] = union(found.fields[bucket], found.fields.pop(manager))
                surplus -= 1
            if manager in self.times:
                found.times[bucket] = self.times[manager]
        return found

    def _entry(self, manager: Manager) -> Json:
        entry: Json = {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": self.versions[manager],
        }
        if manager in self.times:
            entry["time"] = self.times[manager]
        entry["fieldsType"] = "FieldsV1"
        entry["fieldsV1"] = self.fields[manager]
        if manager.subresource:
            entry["subresource"] = manager.subresource
        return entry


def check_fields(fields: Any) -> None:
    """Raises Malformed where a client's set of fields is none."""
    if not isinstance(fields, dict):
        raise Malformed("a set of fields is an object")
    for step, after in fields.items():
        if step != "." and not step.startswith(_STEPS):
            raise Malformed(f"no such step: {step}")
        check_fields(after)


def without_times(entries: Iterable[Mapping[str, Any]]) -> list[Json]:
    """The entries without since when, in an order that does not depend on it."""
    bare = [{key: value for key, value in entry.items() if key != "time"} for entry in entries]
    return sorted(bare, key=lambda entry: [str(entry.get(key)) for key in _TELLING])


_TELLING: Final = ("operation", "manager", "apiVersion", "subresource")
