"""Types of objects as a server publishes them, for checking the expressions of policies.

Upstream: `apiserver/pkg/cel/openapi` (the resolver) over `apiserver/pkg/cel/common/schemas.go`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import define, field

from k8slite.objects.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Type,
    list_of,
    map_of,
)

Json = dict[str, Any]

_PREFIX: Final = "#/components/schemas/"


@define(eq=False)
class PublishedTypes:
    """The types of one group and version; `schemas` are those of its OpenAPI document."""

    schemas: Mapping[str, Json]

    def of(self, group: str, version: str, kind: str) -> Type | None:
        """The type of a kind; None if the server does not publish it."""
        wanted = {"group": group, "version": version, "kind": kind}
        for schema in self.schemas.values():
            if wanted in schema.get("x-kubernetes-group-version-kind", ()):
                return self.declared(schema, kind)
        return None

    def declared(self, schema: Json, name: str) -> Type | None:
        """The type of a schema; None where it says too little."""
        schema, target = self._resolved(schema)
        if schema.get("x-kubernetes-int-or-string") or target.endswith(_EITHER):
            return DYN
        type_ = schema.get("type", "")
        if type_ == "array":
            items = self.declared(schema.get("items") or {}, f"{name}.@idx")
            return None if items is None else list_of(items)
        if type_ == "object":
            more = schema.get("additionalProperties")
            if isinstance(more, dict):
                inner = self.declared(more, f"{name}.@elem")
                return None if inner is None else map_of(STRING, inner)
            return Type(name, fields=_Fields(self, schema.get("properties") or {}, name))
        if type_ == "string":
            return _FORMATS.get(schema.get("format", ""), STRING)
        return _SIMPLE.get(type_)

    def _resolved(self, schema: Json) -> tuple[Json, str]:
        """A schema without its references, and the last one of them."""
        target = ""
        while True:
            only: Sequence[Json] = schema.get("allOf") or ()
            if "$ref" not in schema and len(only) == 1 and "type" not in schema:
                schema = only[0]
            if "$ref" not in schema:
                return schema, target
            target = schema["$ref"]
            schema = self.schemas.get(target.removeprefix(_PREFIX)) or {}


@define(eq=False)
class _Fields:
    """The fields of an object, looked into when they are named: types may hold themselves."""

    types: PublishedTypes
    properties: Json
    name: str
    _known: dict[str, Type | None] = field(factory=dict)

    def get(self, name: str, /) -> Type | None:
        if name not in self._known and name in self.properties:
            self._known[name] = self.types.declared(self.properties[name], f"{self.name}.{name}")
        return self._known.get(name)


# What is written as a number or as a text.
_EITHER: Final = (".intstr.IntOrString", ".resource.Quantity")
_SIMPLE: Final = {"boolean": BOOL, "integer": INT, "number": DOUBLE}
_FORMATS: Final = {
    "byte": BYTES,
    "date": TIMESTAMP,
    "date-time": TIMESTAMP,
    "duration": DURATION,
}
