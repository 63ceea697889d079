"""Whether the schemas of a definition are structural, and their defaults and rules make sense.

Upstream: `apiextensions-apiserver/pkg/apis/apiextensions/validation` (ValidateCustomResource-
DefinitionOpenAPISchema) and `pkg/apiserver/schema` (validation).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

from k8slite.kinds.apiextensions.custom_rules import check_rules
from k8slite.kinds.apiextensions.list_validation import list_complaints
from k8slite.kinds.apiextensions.rule_validation import rule_complaints, rule_shape
from k8slite.kinds.apiextensions.structure_validation import structure_complaints
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported
from k8slite.objects.structural import Structural
from k8slite.objects.structural_validation import validate_values

Json = dict[str, Any]

_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_JUNCTORS: Final = ("allOf", "oneOf", "anyOf")  # in upstream's order
_OF_EVERY_OBJECT: Final = ("apiVersion", "kind", "metadata")
_Causes = Iterator[Cause]


def validate_schema(schema: Json, path: str) -> list[Cause]:
    """A version's openAPIV3Schema."""
    found = list(_below(schema, path, is_root=True))
    if not found:
        found += _rules(schema, path)
    unstructured = structure_complaints(schema, path)
    found += unstructured
    if not unstructured:
        found += _defaults(schema, path)
    if schema.get("nullable"):
        found.append(forbidden(f"{path}.nullable", "nullable cannot be true at the root"))
    return found or list(_default_rules(schema, path))


def _below(schema: Json, path: str, no_default: str = "", *, is_root: bool = False) -> _Causes:
    """One schema and all that are in it; `no_default`: why there may be none."""
    type_ = schema.get("type") or ""
    if type_ and type_ not in _TYPES:
        yield not_supported(f"{path}.type", type_, _TYPES)
    if no_default and schema.get("default") is not None:
        yield forbidden(f"{path}.default", f"must not be set {no_default}")
    for key in _UNSUPPORTED:
        if schema.get(key):
            yield forbidden(f"{path}.{key}", f"{key} is not supported")
    if type_ == "null":
        text = "type cannot be set to null, use nullable as an alternative"
        yield forbidden(f"{path}.type", text)
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden(f"{path}.uniqueItems", text)
    more = schema.get("additionalProperties")
    if schema.get("properties") and more not in (None, True):
        text = "additionalProperties and properties are mutual exclusive"
        yield forbidden(f"{path}.additionalProperties", text)
    for name, one in (schema.get("properties") or {}).items():
        why = f"in top-level {name}" if is_root and name in _OF_EVERY_OBJECT else no_default
        yield from _below(one, f"{path}.properties[{name}]", why)
    for one, where in _parts(schema, path):
        yield from _below(one, where, no_default)
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        at = f"{path}.x-kubernetes-preserve-unknown-fields"
        yield invalid(at, False, "must be true or undefined")
    yield from list_complaints(schema, path)


def _parts(schema: Json, path: str) -> Iterator[tuple[Json, str]]:
    for key in ("additionalProperties", "not"):
        if isinstance(schema.get(key), dict):
            yield schema[key], f"{path}.{key}"
    for junctor in _JUNCTORS:
        for number, one in enumerate(schema.get(junctor) or ()):
            yield one, f"{path}.{junctor}[{number}]"
    if isinstance(schema.get("items"), dict):
        yield schema["items"], f"{path}.items"


def _everywhere(schema: Json, path: str) -> Iterator[tuple[Json, str]]:
    yield schema, path
    for name, one in (schema.get("properties") or {}).items():
        yield from _everywhere(one, f"{path}.properties[{name}]")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _everywhere(schema[key], f"{path}.{key}")


def _defaults(schema: Json, path: str) -> Iterator[Cause]:
    for one, where in _everywhere(schema, path):
        if "default" not in one:
            continue
        shape = Structural.of(one)
        value = copy.deepcopy(one["default"])
        holder = {"default": value}
        pruned = Structural.of({"properties": {"default": one}})
        for complaint in pruned.prune(holder):
            name = complaint.partition('"')[2].strip('"')
            text = f"must not have unknown fields: {name}"
            yield invalid(f"{where}.default", one["default"], text)
        for cause in validate_values(shape, value):
            at = f"{where}.default" + (f".{cause.field}" if cause.field != "<nil>" else "")
            yield Cause(cause.reason, cause.message.replace("<nil>", f"{where}.default"), at)


def _default_rules(schema: Json, path: str) -> Iterator[Cause]:
    """The rules of a place hold of its default, too."""
    for one, where in _everywhere(schema, path):
        if "default" not in one:
            continue
        shape = Structural.of(one)
        if shape.has_rules:
            for cause in check_rules(shape, one["default"], None, is_resource=shape.embedded):
                at = f"{where}.default" + (f".{cause.field}" if cause.field != "<nil>" else "")
                yield Cause(cause.reason, cause.message, at)


def _rules(schema: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    for one, where in _everywhere(schema, path):
        for number, rule in enumerate(one.get("x-kubernetes-validations") or ()):
            at = f"{where}.x-kubernetes-validations[{number}]"
            found += rule_shape(rule, Structural.of(one), at)
    return found or list(rule_complaints(schema, path))


_UNSUPPORTED: Final = (
    *("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"),
)
