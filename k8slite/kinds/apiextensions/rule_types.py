"""Which type a schema is to an expression, and what a value of it becomes.

A schema that says too little has no type: what is in it cannot be named. Upstream:
`apiserver/pkg/cel/common/{schemas,values}.go`, `apiserver/pkg/cel/{escaping,limits}.go`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from k8slite.objects.cel.lexer import KEYWORDS
from k8slite.objects.cel.times import duration_of, timestamp_of
from k8slite.objects.cel.types import BOOL, Type
from k8slite.objects.cel.values import EvaluationFailed, KeyedList, SetList
from k8slite.objects.structural import Structural

Json = dict[str, Any]
Convert = Callable[[Any], Any]

# The largest request that upstream's estimates reckon with.
REQUEST_BYTES: Final = 3 * 1024 * 1024
_TEXT_BYTES: Final = REQUEST_BYTES - 2  # quotes, brackets or braces around it
_CHARACTER_BYTES: Final = 4
_COLLECTION_BYTES: Final = 2
_ENTRY_BYTES: Final = 6  # of a key: two characters, quotes, a colon, a comma
_FIELD_BYTES: Final = 4  # around a field's name: quotes, a colon, a comma


def declared(schema: Structural, name: str, *, is_resource: bool = False) -> Type | None:
    """The type of a schema; objects are called `name`, and what is below by where it is."""
    json = schema.json
    if schema.int_or_string:
        most = json.get("maxLength")
        size = _TEXT_BYTES if most is None else max(most, 0) * _CHARACTER_BYTES
        return Type("dyn", most=size, least_bytes=1)
    if schema.type == "array":
        return _array(schema, name)
    if schema.type == "object" or is_resource:
        if schema.values is not None and not is_resource:
            return _map(schema, schema.values, name)
        return _object(schema, name, is_resource=is_resource)
    if schema.type == "string":
        return _string(json)
    return _SIMPLE.get(schema.type)


def max_cardinality(type_: Type) -> int:
    """How often a value can be there at most where nothing bounds the lists around it."""
    return REQUEST_BYTES // (type_.least_bytes + 1)


def _array(schema: Structural, name: str) -> Type | None:
    if schema.items is None:
        return None
    items = declared(schema.items, f"{name}.@idx", is_resource=schema.items.embedded)
    if items is None:
        return None
    most = schema.json.get("maxItems")
    if most is None:
        most = _TEXT_BYTES // (items.least_bytes + 1)
    return Type("list", (items,), most=max(most, 0), least_bytes=_COLLECTION_BYTES)


def _map(schema: Structural, values: Structural, name: str) -> Type | None:
    inner = declared(values, f"{name}.@elem", is_resource=values.embedded)
    if inner is None:
        return None
    most = schema.json.get("maxProperties")
    if most is None:
        most = _TEXT_BYTES // (inner.least_bytes + _ENTRY_BYTES)
    key = Type("string", most=0, least_bytes=_COLLECTION_BYTES)
    return Type("map", (key, inner), most=max(most, 0), least_bytes=_COLLECTION_BYTES)


def _object(schema: Structural, name: str, *, is_resource: bool) -> Type:
    fields: dict[str, Type] = {}
    size = _COLLECTION_BYTES
    needed = schema.json.get("required") or ()
    for field, below in schema.properties.items():
        type_ = declared(below, f"{name}.{field}", is_resource=below.embedded)
        if type_ is None:
            continue
        if field in needed and "default" not in below.json:
            size += len(field) + type_.least_bytes + _FIELD_BYTES
        if is_escapable(field):
            fields[escaped(field)] = type_
    if is_resource:
        text = _string({})
        names = {"name": text, "generateName": text}
        fields |= {
            "apiVersion": text,
            "kind": text,
            "metadata": Type(f"{name}.metadata", fields=names, most=0, least_bytes=2),
        }
    return Type(name, fields=fields, most=0, least_bytes=size)


def _string(json: Mapping[str, Any]) -> Type:
    format_ = json.get("format", "")
    if format_ in _TIMES:
        return _TIMES[format_]
    most = json.get("maxLength")
    if format_ == "byte":
        return Type("bytes", most=_TEXT_BYTES if most is None else max(most, 0), least_bytes=2)
    if most is not None:
        size = max(most, 0) * _CHARACTER_BYTES
    elif json.get("enum"):
        size = max((len(one) for one in json["enum"] if isinstance(one, str)), default=0)
    else:
        size = _TEXT_BYTES
    return Type("string", most=size, least_bytes=2)


def converter(schema: Structural, *, is_resource: bool = False) -> Convert | None:
    """What makes values of a schema values of expressions; None where they are so already."""
    if schema.type == "array":
        return _of_array(schema)
    if schema.type == "object" or is_resource:
        return _of_object(schema, is_resource=is_resource)
    if schema.type == "number":
        return _double
    if schema.type == "string":
        return _READ.get(schema.json.get("format", ""))
    return None


def _of_array(schema: Structural) -> Convert | None:
    items = schema.items
    inner = None if items is None else converter(items, is_resource=items.embedded)
    kind = schema.json.get("x-kubernetes-list-type")
    keys = tuple(schema.json.get("x-kubernetes-list-map-keys") or ())
    if inner is None and kind not in ("set", "map"):
        return None

    def convert(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        found = value if inner is None else [inner(one) for one in value]
        if kind == "set":
            return SetList(found)
        return KeyedList.of(found, tuple(map(escaped, keys))) if kind == "map" else found

    return convert


def _of_object(schema: Structural, *, is_resource: bool) -> Convert | None:
    values = schema.values
    if values is not None and not is_resource:
        inner = converter(values, is_resource=values.embedded)
        if inner is None:
            return None
        each = inner
        return lambda value: _each(value, each)
    named = {
        name: (escaped(name), converter(below, is_resource=below.embedded))
        for name, below in schema.properties.items()
        if is_escapable(name)
    }
    if is_resource:
        named |= {"apiVersion": ("apiVersion", None), "kind": ("kind", None)}
        named["metadata"] = ("metadata", _metadata)
    is_whole = len(named) >= len(schema.properties) and not schema.preserves
    if is_whole and all(name == other and not inner for name, (other, inner) in named.items()):
        return None

    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        found: Json = {}
        for name, one in value.items():
            known = named.get(name)
            if known is not None:
                inner = known[1]
                found[known[0]] = one if inner is None or one is None else inner(one)
        return found

    return convert


def _each(value: Any, inner: Convert) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: None if one is None else inner(one) for name, one in value.items()}


def _metadata(metadata: Any) -> Any:
    known = metadata if isinstance(metadata, dict) else {}
    return {name: known[name] for name in ("name", "generateName") if name in known}


def _double(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _read(read: Callable[[str], Any]) -> Convert:
    """Reads a text; what cannot be read stays a text, and no function of times takes it."""

    def convert(value: Any) -> Any:
        try:
            return read(value) if isinstance(value, str) else value
        except (ValueError, EvaluationFailed, binascii.Error):
            return value

    return convert


def _date(text: str) -> Any:
    return timestamp_of(f"{text}T00:00:00Z")


def is_escapable(name: str) -> bool:
    """Whether expressions can name a field."""
    return _NAME.fullmatch(name) is not None


def escaped(name: str) -> str:
    """A field's name as expressions write it: `foo-bar` is `foo__dash__bar`."""
    if name in KEYWORDS:
        return f"__{name}__"
    for piece, instead in _ESCAPES:
        name = name.replace(piece, instead)
    return name


_SIMPLE: Final = {
    "boolean": Type(BOOL.name, most=0, least_bytes=4),
    "number": Type("double", most=0, least_bytes=1),
    "integer": Type("int", most=0, least_bytes=1),
}
_MOMENT: Final = Type("google.protobuf.Timestamp", most=32, least_bytes=21)
_TIMES: Final = {
    "date": Type("google.protobuf.Timestamp", most=12, least_bytes=12),
    "date-time": _MOMENT,
    "datetime": _MOMENT,
    "duration": Type("google.protobuf.Duration", most=32, least_bytes=3),
}
_READ: Final = {
    "byte": _read(lambda text: base64.b64decode(text, validate=True)),
    "date": _read(_date),
    "date-time": _read(timestamp_of),
    "datetime": _read(timestamp_of),
    "duration": _read(duration_of),
}
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-/]*")
_ESCAPES: Final = (
    ("__", "__underscores__"),
    (".", "__dot__"),
    ("-", "__dash__"),
    ("/", "__slash__"),
)
