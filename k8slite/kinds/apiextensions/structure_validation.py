"""Whether a schema is structural: what there is stands outside of junctors, which only constrain.

Upstream: `apiextensions-apiserver/pkg/apiserver/schema` (validation, complete). Complaints come
sorted by their text, as there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, required
from k8slite.objects.structural_validation import compiled

Json = dict[str, Any]

ROOT: Final = "at the root"
_FIELD: Final = "for specified object fields"
_ITEM: Final = "for specified array items"


def structure_complaints(schema: Json, path: str) -> list[Cause]:
    """What is not structural in a version's schema."""
    found = [*_invariants(schema, ROOT, path), *_completeness(schema, path)]
    return sorted(found, key=lambda one: f"{one.field}: {one.message}")


def _invariants(schema: Json, level: str, path: str) -> Iterator[Cause]:
    type_ = schema.get("type") or ""
    if type_ == "array" and not schema.get("items"):
        yield required(f"{path}.items", "must be specified")
    if isinstance(schema.get("items"), dict):
        yield from _invariants(schema["items"], _ITEM, f"{path}.items")
    for name, one in (schema.get("properties") or {}).items():
        yield from _invariants(one, _FIELD, f"{path}.properties[{name}]")
    more = schema.get("additionalProperties")
    if more is not None:
        if level == ROOT:
            yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
        if isinstance(more, dict):
            yield from _invariants(more, _FIELD, f"{path}.additionalProperties")
    yield from _extensions(schema, path)
    yield from _junctors(schema, path)
    yield from _type(schema, type_, level, path)
    yield from _metadata(schema, level, path)


def _extensions(schema: Json, path: str) -> Iterator[Cause]:
    if not schema.get("x-kubernetes-int-or-string"):
        return
    for key in ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"):
        if schema.get(key):
            text = "must be false if x-kubernetes-int-or-string is true"
            yield invalid(f"{path}.{key}", True, text)


def _type(schema: Json, type_: str, level: str, path: str) -> Iterator[Cause]:
    embedded = bool(schema.get("x-kubernetes-embedded-resource"))
    is_free = schema.get("x-kubernetes-int-or-string") or schema.get(_PRESERVES)
    at = f"{path}.type"
    if embedded and type_ != "object":
        text = "must be object if x-kubernetes-embedded-resource is true"
        yield invalid(at, type_, text) if type_ else required(at, text)
    elif not type_ and not is_free:
        yield required(at, f"must not be empty {level}")
    if embedded and schema.get("additionalProperties") is not None:
        text = "must not be used if x-kubernetes-embedded-resource is set"
        yield forbidden(f"{path}.additionalProperties", text)
    if level == ROOT and type_ not in ("", "object"):
        yield invalid(at, type_, "must be object at the root")
    if embedded and not schema.get(_PRESERVES) and not schema.get("properties"):
        text = (
            "must not be empty if x-kubernetes-embedded-resource is true without "
            "x-kubernetes-preserve-unknown-fields"
        )
        yield required(f"{path}.properties", text)


def _metadata(schema: Json, level: str, path: str) -> Iterator[Cause]:
    """What every object has is what it is, and only its name may be restricted."""
    properties = schema.get("properties") or {}
    is_object = level == ROOT or schema.get("x-kubernetes-embedded-resource")
    for name in ("kind", "apiVersion"):
        type_ = properties.get(name, {"type": "string"}).get("type") or ""
        if is_object and type_ != "string":
            yield invalid(f"{path}.properties[{name}].type", type_, "must be string")
    metadata, at = properties.get("metadata"), f"{path}.properties[metadata]"
    if metadata is None:
        return
    type_ = metadata.get("type") or ""
    if is_object and type_ != "object":
        yield invalid(f"{at}.type", type_, "must be object")
    known = {"name", "generateName"}
    said = set(metadata) - {"type", "default"}
    if set(metadata.get("properties") or ()) <= known:
        said.discard("properties")
    if level == ROOT and said:
        text = (
            "must not specify anything other than name and generateName, but metadata is "
            "implicitly specified"
        )
        yield forbidden(at, text)


def _junctors(schema: Json, path: str, *, skip_any_of: bool = False) -> Iterator[Cause]:
    """Value validations; `anyOf` that tells the types of an int-or-string is let pass."""
    any_of, all_of = schema.get("anyOf") or (), schema.get("allOf") or ()
    for number, one in enumerate(any_of):
        if not skip_any_of and list(any_of) != _INT_OR_STRING:
            yield from _nested(one, f"{path}.anyOf[{number}]")
    for number, one in enumerate(all_of):
        tells_types = number == 0 and one.get("anyOf") == _INT_OR_STRING
        yield from _nested(one, f"{path}.allOf[{number}]", skip_any_of=tells_types)
    for number, one in enumerate(schema.get("oneOf") or ()):
        yield from _nested(one, f"{path}.oneOf[{number}]")
    if isinstance(schema.get("not"), dict):
        yield from _nested(schema["not"], f"{path}.not")
    pattern = schema.get("pattern")
    if pattern and compiled(pattern) is None:
        text = "must be a valid regular expression, but isn't: error parsing regexp"
        yield invalid(f"{path}.pattern", pattern, text)


def _nested(schema: Json, path: str, *, skip_any_of: bool = False) -> Iterator[Cause]:
    """What a schema inside of a junctor may not say."""
    yield from _junctors(schema, path, skip_any_of=skip_any_of)
    if isinstance(schema.get("items"), dict):
        yield from _nested(schema["items"], f"{path}.items")
    for name, one in (schema.get("properties") or {}).items():
        yield from _nested(one, f"{path}.properties[{name}]")
    for key, must in _NOT_NESTED.items():
        is_said = schema.get(key) is not None if must == "undefined" else bool(schema.get(key))
        if is_said:
            yield forbidden(f"{path}.{key}", f"must be {must} to be structural")
    if "metadata" in (schema.get("properties") or {}):
        text = "must not be specified in a nested context"
        yield forbidden(f"{path}.properties[metadata]", text)


def _completeness(schema: Json, path: str) -> Iterator[Cause]:
    """What is constrained is there."""
    yield from _all_there(schema, schema, path, path)
    if isinstance(schema.get("items"), dict):
        yield from _completeness(schema["items"], f"{path}.items")
    for name, one in (schema.get("properties") or {}).items():
        yield from _completeness(one, f"{path}.properties[{name}]")
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        yield from _completeness(more, f"{path}.additionalProperties")


def _all_there(said: Json, schema: Json, path: str, where: str) -> Iterator[Cause]:
    for key in ("allOf", "anyOf", "oneOf"):
        for number, one in enumerate(said.get(key) or ()):
            yield from _there(one, schema, path, f"{where}.{key}[{number}]")
    if isinstance(said.get("not"), dict):
        yield from _there(said["not"], schema, path, f"{where}.not")


def _there(said: Json, schema: Json | None, path: str, where: str) -> Iterator[Cause]:
    if schema is None:
        yield required(path, f"because it is defined in {where}")
        return
    yield from _all_there(said, schema, path, where)
    if isinstance(said.get("items"), dict):
        items = schema.get("items")
        yield from _there(said["items"], items or None, f"{path}.items", f"{where}.items")
    for name, one in (said.get("properties") or {}).items():
        step = f".properties[{name}]"
        below = (schema.get("properties") or {}).get(name)
        yield from _there(one, below, f"{path}{step}", f"{where}{step}")


_PRESERVES: Final = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING: Final = [{"type": "integer"}, {"type": "string"}]
_NOT_NESTED: Final = {
    "type": "empty",
    "additionalProperties": "undefined",
    "default": "undefined",
    "title": "empty",
    "description": "empty",
    "nullable": "false",
    _PRESERVES: "false",
    "x-kubernetes-embedded-resource": "false",
    "x-kubernetes-int-or-string": "false",
    "x-kubernetes-list-map-keys": "empty",
    "x-kubernetes-list-type": "undefined",
    "x-kubernetes-map-type": "undefined",
    "x-kubernetes-validations": "empty",
}
