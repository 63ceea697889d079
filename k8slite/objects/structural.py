"""A custom resource's schema, compiled: what is pruned, what is filled in.

    schema = Structural.of(openapi_v3_schema)
    complaints = schema.prune(obj)      # unknown fields, taken out
    schema.default(obj)

Both work in place. Upstream: `apiextensions-apiserver/pkg/apiserver/schema` (structural, pruning,
defaulting).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field

Json = dict[str, Any]

_TYPED_BY_KUBERNETES: Final = frozenset(("apiVersion", "kind", "metadata"))


@define(eq=False)
class Structural:
    """The schema of one place."""

    json: Json
    type: str = ""
    properties: dict[str, Structural] = field(factory=dict)
    items: Structural | None = None
    values: Structural | None = None  # of a map
    any_values: bool = False  # additionalProperties: true
    preserves: bool = False
    embedded: bool = False
    int_or_string: bool = False
    nullable: bool = False
    has_defaults: bool = False  # here or below
    rules: tuple[Json, ...] = ()
    has_rules: bool = False  # here or below
    compiled_rules: Any = None  # the checker's own
    has_embedded: bool = False  # here or below

    @classmethod
    def of(cls, json: Json) -> Structural:
        """Compile a schema that was found to be structural."""
        more = json.get("additionalProperties")
        found = cls(
            json,
            json.get("type", ""),
            {name: cls.of(one) for name, one in (json.get("properties") or {}).items()},
            cls.of(json["items"]) if isinstance(json.get("items"), dict) else None,
            cls.of(more) if isinstance(more, dict) else None,
            more is True,
            bool(json.get("x-kubernetes-preserve-unknown-fields")),
            bool(json.get("x-kubernetes-embedded-resource")),
            bool(json.get("x-kubernetes-int-or-string")),
            bool(json.get("nullable")),
            rules=tuple(json.get("x-kubernetes-validations") or ()),
        )
        below = list(found.below())
        found.has_defaults = "default" in json or any(one.has_defaults for one in below)
        found.has_rules = bool(found.rules) or any(one.has_rules for one in below)
        found.has_embedded = found.embedded or any(one.has_embedded for one in below)
        return found

    def below(self) -> Iterator[Structural]:
        """The schemas of fields, items and values."""
        yield from self.properties.values()
        for one in (self.items, self.values):
            if one is not None:
                yield one

    def of_field(self, name: str) -> Structural | None:
        """The schema of a field or a map's value; None where nothing is said."""
        return self.properties.get(name) or self.values

    def embedded_objects(self, value: Any, path: str = "") -> Iterator[tuple[str, Json]]:
        """What is an object of its own below a value, and where it stands: `spec.template`."""
        if not self.has_embedded:
            return
        if isinstance(value, dict):
            if self.embedded and path:
                yield path, value
            for name, inner in value.items():
                below = self.of_field(name)
                if below is not None:
                    yield from below.embedded_objects(inner, f"{path}.{name}".lstrip("."))
        elif isinstance(value, list) and self.items is not None:
            for number, inner in enumerate(value):
                yield from self.items.embedded_objects(inner, f"{path}[{number}]")

    def prune(self, obj: Json) -> list[str]:
        """Take out what the schema does not have, of a whole object; answers complaints."""
        found: list[str] = []
        self._prune(obj, "", found, is_resource=True)
        return [f'unknown field "{path.removeprefix(".")}"' for path in found]

    def default(self, obj: Json) -> None:
        """Fill in defaults and take out nulls that may not be, of a whole object."""
        if not self.has_defaults:
            self._drop_nulls(obj)
            return
        self._drop_nulls(obj, only_defaulted=True)
        self._default(obj)
        self._drop_nulls(obj)

    def _prune(self, value: Any, path: str, found: list[str], *, is_resource: bool) -> None:
        if isinstance(value, dict):
            known = self.properties
            for name in list(value):
                if is_resource and name in _TYPED_BY_KUBERNETES:
                    continue
                below = known.get(name)
                if below is None:
                    below = self.values
                    if below is None and (self.preserves or self.any_values):
                        continue
                if below is None:
                    found.append(f"{path}.{name}")
                    del value[name]
                    continue
                below._prune(value[name], f"{path}.{name}", found, is_resource=below.embedded)
        elif isinstance(value, list) and self.items is not None:
            for number, one in enumerate(value):
                self.items._prune(one, f"{path}[{number}]", found, is_resource=self.items.embedded)

    def _default(self, value: Any) -> None:
        if isinstance(value, dict):
            for name, below in self.properties.items():
                if not below.has_defaults:
                    continue
                if name not in value and "default" in below.json:
                    value[name] = copy.deepcopy(below.json["default"])
                if name in value:
                    below._default(value[name])
            if self.values is not None and self.values.has_defaults:
                for name, inner in value.items():
                    if name not in self.properties:
                        self.values._default(inner)
        elif isinstance(value, list) and self.items is not None and self.items.has_defaults:
            for one in value:
                self.items._default(one)

    def _drop_nulls(self, value: Any, *, only_defaulted: bool = False) -> None:
        if isinstance(value, dict):
            for name in list(value):
                below = self.of_field(name)
                if below is None:
                    continue
                inner = value[name]
                if inner is None:
                    if not below.nullable and (not only_defaulted or "default" in below.json):
                        del value[name]
                elif isinstance(inner, dict | list):
                    below._drop_nulls(inner, only_defaulted=only_defaulted)
        elif isinstance(value, list) and self.items is not None:
            for one in value:
                if isinstance(one, dict | list):
                    self.items._drop_nulls(one, only_defaulted=only_defaulted)
