"""How lists and maps of a schema are merged: by keys, as a set, or as one.

Upstream: `apiextensions-apiserver/pkg/apis/apiextensions/validation` (the part on
x-kubernetes-list-type, list-map-keys and map-type).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required

Json = dict[str, Any]

_LIST_TYPE: Final = "x-kubernetes-list-type"
_KEYS: Final = "x-kubernetes-list-map-keys"
_MAP_TYPE: Final = "x-kubernetes-map-type"


def list_complaints(schema: Json, path: str) -> Iterator[Cause]:
    """What is wrong with how one schema is merged."""
    yield from _typed(schema, path, _MAP_TYPE, "object", ("atomic", "granular"))
    if schema.get(_LIST_TYPE) == "set" and schema.get("type") == "array":
        yield from _set(schema.get("items") or {}, f"{path}.items")
    yield from _typed(schema, path, _LIST_TYPE, "array", ("atomic", "map", "set"))
    kind, keys = schema.get(_LIST_TYPE), schema.get(_KEYS) or []
    if keys and kind != "map":
        text, at = "must be map if x-kubernetes-list-map-keys is non-empty", f"{path}.{_LIST_TYPE}"
        yield required(at, text) if kind is None else invalid(at, kind, text)
    if kind == "map":
        yield from _map(schema, keys, path)
    if kind in ("map", "set") and schema.get("items"):
        yield from _present(schema["items"], kind, keys, f"{path}.items")


def _typed(
    schema: Json, path: str, key: str, wanted: str, known: tuple[str, ...]
) -> Iterator[Cause]:
    kind, type_ = schema.get(key), schema.get("type") or ""
    if kind is None:
        return
    if type_ != wanted:
        text, at = f"must be {wanted} if {key} is specified", f"{path}.type"
        yield invalid(at, type_, text) if type_ else required(at, text)
    if kind not in known:
        yield not_supported(f"{path}.{key}", kind, known)


def _set(items: Json, path: str) -> Iterator[Cause]:
    """The items of a set are compared whole."""
    type_ = items.get("type")
    text = "must be atomic as item of a list with x-kubernetes-list-type=set"
    kind = items.get(_LIST_TYPE)
    if type_ == "array" and kind not in (None, "atomic"):
        yield invalid(f"{path}.{_LIST_TYPE}", kind, text)
    if type_ == "object" and items.get(_MAP_TYPE) != "atomic":
        yield invalid(f"{path}.{_MAP_TYPE}", kind, text)  # upstream shows the list's type


def _map(schema: Json, keys: list[str], path: str) -> Iterator[Cause]:
    at = f"{path}.{_KEYS}"
    if not keys:
        yield required(at, "must not be empty if x-kubernetes-list-type is map")
    items = schema.get("items")
    if items is None:
        text = "must have a schema if x-kubernetes-list-type is map"
        yield required(f"{path}.items", text)
        return
    type_ = items.get("type") or ""
    if type_ != "object":
        text = "must be object if parent array's x-kubernetes-list-type is map"
        yield invalid(f"{path}.items.type", type_, text)
        return
    properties = items.get("properties") or {}
    for number, key in enumerate(keys):
        one = properties.get(key)
        if one is None:
            yield invalid(at, keys, "entries must all be names of item properties")
        elif one.get("type") in ("array", "object"):
            text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            yield invalid(f"{path}.items.properties[{key}].type", type_, text)
        if key in keys[:number]:
            yield invalid(at, keys, "must not contain duplicate entries")


def _present(items: Json, kind: str, keys: list[str], path: str) -> Iterator[Cause]:
    """Items are there, and so are their keys (upstream: `validateMapListKeysMapSet`)."""
    if items.get("nullable"):
        text = f"cannot be nullable when x-kubernetes-list-type is {kind}"
        yield forbidden(f"{path}.nullable", text)
    for key in keys if kind == "map" else ():
        one, at = (items.get("properties") or {}).get(key), f"{path}.properties[{key}]"
        if one is None:
            continue
        if key not in (items.get("required") or ()) and one.get("default") is None:
            text = (
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be "
                "a required property"
            )
            yield required(f"{at}.default", text)
        if one.get("nullable"):
            text = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"
            yield forbidden(f"{at}.nullable", text)
