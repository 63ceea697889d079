"""Whether the schemas of a definition are structural, and their defaults and rules make sense.

Upstream: `apiextensions-apiserver/pkg/apis/apiextensions/validation` (ValidateCustomResource-
DefinitionOpenAPISchema) and `pkg/apiserver/schema` (validation).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

from k8slite.kinds.apiextensions.custom_rules import check_rules
from k8slite.kinds.apiextensions.rule_validation import rule_complaints, rule_shape
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.structural import Structural
from k8slite.objects.structural_validation import compiled, validate_values

Json = dict[str, Any]

_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_JUNCTORS: Final = ("allOf", "anyOf", "oneOf")
# What a schema inside of a junctor may not say: it only constrains.
_NOT_IN_JUNCTORS: Final = ("description", "type", "default", "nullable", "title")
_EXTENSIONS: Final = (
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
)


def validate_schema(schema: Json, path: str) -> list[Cause]:
    """A version's openAPIV3Schema."""
    found = list(_root(schema, path))
    found += _below(schema, path)
    if not found:
        found += _defaults(schema, path)
        found += _rules(schema, path)
    return found or list(_default_rules(schema, path))


def _root(schema: Json, path: str) -> Iterator[Cause]:
    type_ = schema.get("type", "")
    if not type_:
        yield required(f"{path}.type", "must not be empty at the root")
    elif type_ != "object":
        yield invalid(f"{path}.type", type_, "must be object at the root")
    if schema.get("nullable"):
        yield forbidden(f"{path}.nullable", "nullable cannot be true at the root")
    metadata = (schema.get("properties") or {}).get("metadata") or {}
    if set(metadata.get("properties") or ()) - {"name", "generateName"}:
        text = (
            "must not specify anything other than name and generateName, but metadata is "
            "implicitly specified"
        )
        yield forbidden(f"{path}.properties[metadata]", text)


def _below(schema: Json, path: str) -> Iterator[Cause]:
    """One schema and all that are in it."""
    yield from _here(schema, path)
    for name, one in (schema.get("properties") or {}).items():
        yield from _typed(one, f"{path}.properties[{name}]", "specified object fields")
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        yield from _typed(more, f"{path}.additionalProperties", "specified object fields")
    if isinstance(schema.get("items"), dict):
        yield from _typed(schema["items"], f"{path}.items", "specified array items")
    for junctor in _JUNCTORS:
        for number, one in enumerate(schema.get(junctor) or ()):
            yield from _in_junctor(one, f"{path}.{junctor}[{number}]", schema)
    if isinstance(schema.get("not"), dict):
        yield from _in_junctor(schema["not"], f"{path}.not", schema)


def _typed(schema: Json, path: str, of: str) -> Iterator[Cause]:
    free = schema.get("x-kubernetes-int-or-string") or schema.get(
        "x-kubernetes-preserve-unknown-fields"
    )
    if not schema.get("type") and not free:
        yield required(f"{path}.type", f"must not be empty for {of}")
    yield from _below(schema, path)


def _here(schema: Json, path: str) -> Iterator[Cause]:
    type_ = schema.get("type", "")
    if type_ and type_ not in _TYPES:
        yield not_supported(f"{path}.type", type_, _TYPES)
    if "$ref" in schema:
        yield forbidden(f"{path}.$ref", "$ref is not supported")
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden(f"{path}.uniqueItems", text)
    if schema.get("additionalProperties") is False:
        text = "additionalProperties cannot be set to false"
        yield forbidden(f"{path}.additionalProperties", text)
    if schema.get("properties") and schema.get("additionalProperties"):
        text = "additionalProperties and properties are mutual exclusive"
        yield forbidden(f"{path}.additionalProperties", text)
    if type_ == "array" and not schema.get("items"):
        yield required(f"{path}.items", "must be specified")
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        at = f"{path}.x-kubernetes-preserve-unknown-fields"
        yield invalid(at, False, "must be true or undefined")
    if schema.get("x-kubernetes-int-or-string") and type_:
        at = f"{path}.type"
        text = "must be empty if x-kubernetes-int-or-string is true"
        yield invalid(at, type_, text)
    if schema.get("x-kubernetes-embedded-resource") and type_ != "object":
        at = f"{path}.x-kubernetes-embedded-resource"
        yield invalid(at, type_, "must be object if x-kubernetes-embedded-resource is true")
    pattern = schema.get("pattern")
    if pattern and compiled(pattern) is None:
        text = "must be a valid regular expression, but isn't: error parsing regexp"
        yield invalid(f"{path}.pattern", pattern, text)
    yield from _list_type(schema, path, type_)


def _list_type(schema: Json, path: str, type_: str) -> Iterator[Cause]:
    list_type, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys")
    if list_type is not None:
        known = ("atomic", "set", "map")
        if list_type not in known:
            yield not_supported(f"{path}.x-kubernetes-list-type", list_type, known)
        elif type_ != "array":
            text = "must be array if x-kubernetes-list-type is specified"
            yield invalid(f"{path}.type", type_, text)
        elif list_type == "map" and not keys:
            text = "must not be empty if x-kubernetes-list-type is map"
            yield required(f"{path}.x-kubernetes-list-map-keys", text)
    if keys and list_type != "map":
        text = "must be map if x-kubernetes-list-map-keys is non-empty"
        yield invalid(f"{path}.x-kubernetes-list-type", list_type, text)
    items = schema.get("items") or {}
    for number, key in enumerate(keys or ()):
        one = (items.get("properties") or {}).get(key)
        at = f"{path}.x-kubernetes-list-map-keys[{number}]"
        if one is None:
            text = "entries must all be names of item properties"
            yield invalid(at, key, text)
        elif key not in (items.get("required") or ()) and "default" not in one:
            where = f"{path}.items.properties[{key}].default"
            text = (
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be "
                "a required property"
            )
            yield required(where, text)


def _in_junctor(schema: Json, path: str, around: Json) -> Iterator[Cause]:
    for key in _NOT_IN_JUNCTORS:
        # Upstream lets the two types of an int-or-string be told.
        if key in schema and not (key == "type" and around.get("x-kubernetes-int-or-string")):
            yield forbidden(f"{path}.{key}", "must be empty to be structural")
    for key in _EXTENSIONS:
        if key in schema:
            yield forbidden(f"{path}.{key}", "must be false to be structural")
    if schema.get("additionalProperties"):
        yield forbidden(f"{path}.additionalProperties", "must not be used")
    for name, one in (schema.get("properties") or {}).items():
        known = (around.get("properties") or {}).get(name)
        if known is None and not around.get("additionalProperties"):
            where = f"{path}.properties[{name}]"
            yield required(where.replace(path, path.rpartition(".")[0], 1), "")
        yield from _in_junctor(one, f"{path}.properties[{name}]", known or {})
    if isinstance(schema.get("items"), dict):
        yield from _in_junctor(schema["items"], f"{path}.items", around.get("items") or {})
    for junctor in _JUNCTORS:
        for number, one in enumerate(schema.get(junctor) or ()):
            yield from _in_junctor(one, f"{path}.{junctor}[{number}]", around)
    if isinstance(schema.get("not"), dict):
        yield from _in_junctor(schema["not"], f"{path}.not", around)


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
