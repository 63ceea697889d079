"""What Kubernetes publishes about its types: fields, formats, list keys and merge strategies.

    schemas = Schemas.load(37)
    pod = schemas.definition("", "v1", "Pod")
    pod.field("spec").field("containers").merge_key        # "name"
    pod.decode(obj)                                        # unknown fields; obj is put in order

The schemas are the ones that the package `kubernetes-validate` carries. The package itself is
never imported, its file is read once per version, and a definition is decoded only when somebody
asks for it (see `schema_source`).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from k8slite.objects.schema_duplicates import duplicate_fields
from k8slite.objects.schema_source import Definitions, Extended

__all__ = ("Schema", "Schemas", "Undecodable", "duplicate_fields", "field")

Json = dict[str, Any]
Shape = Literal["struct", "map", "list", "scalar", "any"]

_PREFIX: Final = "#/$defs/"
# Nesting of references that only point on: the published schemas have two at most.
_REFERENCES_LIMIT: Final = 8


class Undecodable(Exception):
    """An object that is not of its type; the message is Go's, without the kind it is for."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Schemas:
    """All definitions of one minor version of Kubernetes."""

    def __init__(
        self, definitions: Mapping[str, Json], kinds: dict[tuple[str, str, str], str], minor: int
    ) -> None:
        self.minor = minor
        self.definitions = definitions
        self._by_kind = kinds
        self._schemas: dict[str, Schema] = {}

    @classmethod
    def load(cls, minor: int) -> Schemas:
        """The schemas of Kubernetes 1.`minor`, read once. Raises LookupError if there are none."""
        return _load(minor)

    def extended(self, custom: Mapping[str, Json]) -> Schemas:
        """These definitions and more; what was looked into before is not looked into again."""
        kinds = {**_kinds(custom), **self._by_kind}
        found = Schemas(Extended(custom, self.definitions), kinds, self.minor)
        found._schemas.update(self._schemas)
        return found

    def named(self, name: str) -> Schema:
        """A definition by its name, such as `io.k8s.api.core.v1.Pod`. Raises KeyError."""
        found = self._schemas.get(name)
        if found is None:
            found = Schema(self, self.definitions[name], name)
            self._schemas[name] = found
        return found

    def definition(self, group: str, version: str, kind: str, *, name: str = "") -> Schema | None:
        """The definition of a kind, or the one of that name; None if there is none."""
        found = name or self._by_kind.get((group, version, kind), "")
        return self.named(found) if found in self.definitions else None

    def decode(self, definition: Schema, obj: Json) -> list[str]:
        """As `definition.decode(obj)`."""
        return definition.decode(obj)

    def names(self) -> Iterator[str]:
        """The names of all definitions, as published (sorted)."""
        return iter(self.definitions)


class Schema:
    """The type of one place in an object: a definition, a field, a list's items, a map's values."""

    __slots__ = (
        "_decode",
        "_element",
        "_fields",
        "_schemas",
        "compiled",
        "json",
        "list_keys",
        "list_type",
        "map_type",
        "merge_key",
        "name",
        "patch_strategies",
        "required",
        "shape",
        "type",
    )

    def __init__(self, schemas: Schemas, json: Json, name: str = "") -> None:
        self._schemas = schemas
        # What the field says counts before what its type says.
        self.patch_strategies = tuple(
            strategy
            for strategy in json.get("x-kubernetes-patch-strategy", "").split(",")
            if strategy
        )
        self.merge_key: str = json.get("x-kubernetes-patch-merge-key", "")
        resolved: Json = json
        for _ in range(_REFERENCES_LIMIT):
            if "$ref" not in resolved:
                break
            name = str(resolved["$ref"])[len(_PREFIX) :]
            resolved = schemas.definitions[name]
        self.json = resolved
        self.name = name  # of the definition, "" where the type is written out in place
        self.list_type: str = json.get("x-kubernetes-list-type", "atomic")
        self.list_keys: tuple[str, ...] = tuple(json.get("x-kubernetes-list-map-keys", ()))
        map_type = json.get("x-kubernetes-map-type") or resolved.get("x-kubernetes-map-type")
        self.map_type = str(map_type or "granular")
        self.required = frozenset(resolved.get("required", ()))
        self.type = _type(resolved)
        self.shape = _shape(resolved, self.type, name)
        self._fields: dict[str, Schema] = {}
        self._element: Schema | None = None
        self._decode: Any = None
        self.compiled: Any = None  # the decoder's own, see `schema_decode`

    def field(self, name: str) -> Schema | None:
        """The type of a struct's field or of a map's value; None if there is no such field."""
        if self.shape == "map":
            return self.element
        try:
            return self._fields[name]
        except KeyError:
            json = self.json.get("properties", {}).get(name)
            if json is None:
                return None
            # Only what exists is remembered: names come from clients.
            return self._fields.setdefault(name, Schema(self._schemas, json))

    def field_names(self) -> Iterator[str]:
        """The names of a struct's fields."""
        return iter(self.json.get("properties", {}))

    @property
    def element(self) -> Schema:
        """The type of a list's items or of a map's values; only where there are such."""
        if self._element is None:
            key = "items" if self.shape == "list" else "additionalProperties"
            self._element = Schema(self._schemas, self.json[key])
        return self._element

    @property
    def format(self) -> str:
        """`int32`, `date-time`, `byte` ... or ""."""
        found: str = self.json.get("format", "")
        return found

    def named(self, name: str) -> Schema:
        """Another definition of the same version. Raises KeyError."""
        return self._schemas.named(name)

    def decode(self, obj: Json) -> list[str]:
        """Put a decoded JSON object in order, in place; answer complaints about unknown fields.

        A complaint reads `unknown field "spec.foo"`. Nulls and unknown fields are removed,
        quantities and times become canonical. Raises Undecodable where a value has the wrong
        type.
        """
        if self._decode is None:
            # The compiler stands on this module.
            from k8slite.objects import schema_decode

            self._decode = schema_decode.decoder(self)
        found: list[str] = self._decode(obj)
        return found

    def __repr__(self) -> str:
        return f"<Schema {self.name or self.shape}>"


def field(schema: Schema, name: str) -> Schema | None:
    """As `schema.field(name)`: the type of a field together with its merge metadata."""
    return schema.field(name)


@lru_cache(None)  # one entry per minor version that the package carries
def _load(minor: int) -> Schemas:
    package = importlib.util.find_spec("kubernetes_validate")
    if package is None or not package.submodule_search_locations:
        raise LookupError("the package kubernetes-validate is not installed")
    folder = Path(package.submodule_search_locations[0]) / "kubernetes-json-schema"
    file = folder / f"v1.{minor}.0-local" / "_definitions.json"
    if not file.is_file():
        raise LookupError(f"there are no schemas of Kubernetes 1.{minor}")
    definitions = Definitions(file.read_bytes())
    return Schemas(definitions, definitions.kinds(), minor)


def _kinds(custom: Mapping[str, Json]) -> dict[tuple[str, str, str], str]:
    return {
        (one["group"], one["version"], one["kind"]): name
        for name, json in custom.items()
        for one in json.get("x-kubernetes-group-version-kind", ())
    }


def _type(json: Json) -> str:
    found = json.get("type", "")
    if isinstance(found, list):
        return str(next(one for one in found if one != "null"))
    return str(found)


def _shape(json: Json, type_: str, name: str) -> Shape:
    if name in _OPAQUE:
        return "any"
    if type_ == "array":
        return "list"
    if "additionalProperties" in json:
        return "map"
    if type_ == "object":
        return "struct"
    return "scalar" if type_ or "oneOf" in json else "any"


# Types that carry JSON of somebody else, which is nobody's to look into.
_OPAQUE: Final = frozenset(
    (
        "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
        "io.k8s.apimachinery.pkg.runtime.RawExtension",
    )
)
