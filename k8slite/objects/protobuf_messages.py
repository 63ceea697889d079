"""The messages of the API: which field of a JSON object has which number and type in protobuf.

The facts stand in `protobuf_fields.json`, one message a line, and are read when somebody asks for
the first message; a message is put together when it is first used. A field reads

    NUMBER [* | [] | {}]TYPE NAME[!]

where `*` is a pointer in Go (its zero is a value), `[]` a list, `{}` a map from strings, a missing
NAME a struct whose fields stand among its owner's in JSON, and `!` says that JSON shows even a
zero. TYPE is a scalar (see `protobuf_scalars`) or a message, of the same package if it names none.
As gogo-protobuf: fields go out by number, pointers only where set, all else that is no list or map
always, maps by key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson
from attrs import define

from k8slite.objects.protobuf_scalars import SCALARS, Scalar, read_packed
from k8slite.objects.protobuf_wire import (
    BYTES,
    Malformed,
    piece,
    pieces,
    tag,
    varint,
    wrong_wire,
)

Json = dict[str, Any]

# Messages in one another; a CRD's schema is the deepest, two for each level of its objects.
DEPTH_LIMIT: Final = 100

_FIELD: Final = re.compile(r"(\d+) (\*|\[\]|\{\}|)([^ ]+) ?([^!]*)(!?)")


@lru_cache(None)  # as many as the file names
def message(name: str) -> Message | None:
    """A message by its name, such as `apps/v1.Deployment`."""
    text = _lines().get(name)
    return None if text is None else Message(name, text)


class Message:
    """How one struct of Go's is read and written."""

    wire: Final = BYTES
    is_struct: Final = True

    def __init__(self, name: str, text: str) -> None:
        package, _, self.name = name.rpartition(".")
        self.fields = tuple(
            _field(package, found) for found in map(_FIELD.fullmatch, text.split("|")) if found
        )
        self._by_number = {field.number: field for field in self.fields}
        self._singular = tuple(field for field in self.fields if not field.label)
        self._empty: bytes | None = None

    @property
    def empty(self) -> bytes:
        """What Go writes of a struct that nobody filled in."""
        if self._empty is None:
            self._empty = self.write({})
        return self._empty

    @property
    def zero(self) -> Json:
        """A struct that nobody filled in, in JSON."""
        return self.read(b"")

    @property
    def unfilled(self) -> Json:
        """As `zero`, with the nulls that Go prints for lists and maps which are always shown."""
        found: Json = {}
        for field in self.fields:
            if field.label == "*":
                continue
            if field.label:
                value = None
                if not field.kept:
                    continue
            else:
                value = field.type.unfilled if isinstance(field.type, Message) else field.type.zero
                if not field.name:
                    found.update(value)
                    continue
                if value is None or not (field.kept or field.type.is_struct):
                    continue
            found[field.name] = value
        return found

    def read(self, data: bytes, depth: int = 0) -> Json:
        """The JSON object. Raises Malformed; fields that are not known are left out."""
        if depth > DEPTH_LIMIT:
            raise Malformed("proto: exceeded max recursion depth")
        found: Json = {}
        met = []
        for number, wire, value in pieces(data, self.name):
            field = self._by_number.get(number)
            if field is not None:
                met.append(number)
                _take(field, found, wire, value, depth)
        for field in self._singular:
            if not field.name:
                if field.number not in met:
                    found.update(field.type.zero)
            elif field.name not in found:
                if (field.kept or field.type.is_struct) and (zero := field.type.zero) is not None:
                    found[field.name] = zero
            elif not field.kept and not field.type.is_struct and not found[field.name]:
                del found[field.name]
        return found

    def write(self, obj: Mapping[str, Any]) -> bytes:
        """The message. Raises ValueError or TypeError where a value has the wrong type."""
        return b"".join([_put(field, obj) for field in self.fields])


@define(eq=False)
class Field:
    """One field of a message."""

    number: int
    name: str  # in JSON; "" for a struct whose fields stand among its owner's
    label: str  # "", "*", "[]" or "{}"
    kept: bool
    package: str
    type_name: str
    tag: bytes
    _type: Any = None

    @property
    def type(self) -> Any:
        """A Scalar or a Message (or one of the unions in `_UNIONS`)."""
        if self._type is None:
            self._type = _type(self.package, self.type_name)
        return self._type


def _field(package: str, found: re.Match[str]) -> Field:
    number, label, type_name, name, kept = found.groups()
    scalar = SCALARS.get(type_name)
    wire = BYTES if scalar is None or label == "{}" else scalar.wire
    return Field(int(number), name, label, bool(kept), package, type_name, tag(int(number), wire))


def _take(field: Field, found: Json, wire: int, value: int | bytes, depth: int) -> None:
    """Put a field that was met into a JSON object."""
    type_, label, name = field.type, field.label, field.name
    if label == "{}":
        if not isinstance(value, bytes) or wire != BYTES:
            raise wrong_wire(wire, name)
        key, item = _entry(type_, name, value, depth)
        found.setdefault(name, {})[key] = item
        return
    if wire != type_.wire:
        if label == "[]" and wire == BYTES and isinstance(value, bytes) and type_.wire == 0:
            found.setdefault(name, []).extend(read_packed(value, type_.read))
            return
        raise wrong_wire(wire, name or field.type_name)
    read = type_.read(value, depth + 1)
    if label == "[]":
        found.setdefault(name, []).append(read)
    elif not name:
        found.update(read)
    elif read is not None:
        found[name] = read


def _entry(type_: Any, name: str, data: bytes, depth: int) -> tuple[str, Any]:
    key, item = "", None
    for number, wire, value in pieces(data, name):
        if number == 1:
            if not isinstance(value, bytes) or wire != BYTES:
                raise wrong_wire(wire, name)
            key = value.decode(errors="replace")
        elif number == 2:
            if wire != type_.wire:
                raise wrong_wire(wire, name)
            item = type_.read(value, depth + 1)
    return key, type_.zero if item is None else item


def _put(field: Field, obj: Mapping[str, Any]) -> bytes:
    """A field as it goes out; b"" for one that does not."""
    type_, label = field.type, field.label
    if not field.name:
        return piece(field.tag, type_.write(obj))
    value: Any = obj.get(field.name)
    if label == "[]":
        if not value:
            return b""
        if type_.wire == BYTES:
            return b"".join([piece(field.tag, _written(type_, item)) for item in value])
        return b"".join([field.tag + type_.write(item) for item in value])
    if label == "{}":
        return b"".join([_put_entry(field, *item) for item in sorted((value or {}).items())])
    if value is None:
        if label == "*" or field.type_name == "bytes":
            return b""
        written = type_.empty
    else:
        written = type_.write(value)
    return piece(field.tag, written) if type_.wire == BYTES else field.tag + written


def _put_entry(field: Field, key: str, value: Any) -> bytes:
    type_ = field.type
    written = _written(type_, value)
    second = piece(_SECOND, written) if type_.wire == BYTES else varint(2 << 3) + written
    return piece(field.tag, piece(_FIRST, key.encode()) + second)


def _written(type_: Any, value: Any) -> bytes:
    found: bytes = type_.empty if value is None else type_.write(value)
    return found


class _Union:
    """A part of a CRD's schema that JSON writes as one of two things: a schema, or `other`."""

    wire: Final = BYTES
    is_struct: Final = True
    zero: Final = None
    empty: Final = b""

    def __init__(self, other: str) -> None:
        self._other = other  # "bool", "schemas" or "strings"

    def read(self, data: bytes, depth: int) -> Any:
        schema: Any = None
        allows, items = False, []
        # The boolean is the first field, lists are the second.
        schema_number = 2 if self._other == "bool" else 1
        for number, wire, value in pieces(data, "JSONSchemaProps"):
            if number == schema_number and isinstance(value, bytes) and wire == BYTES:
                schema = _schema().read(value, depth + 1)
            elif number == 1 and isinstance(value, int):
                allows = value != 0
            elif number == 2 and isinstance(value, bytes) and wire == BYTES:
                is_text = self._other == "strings"
                items.append(
                    value.decode(errors="replace") if is_text else _schema().read(value, depth + 1)
                )
            elif number in (1, 2):
                raise wrong_wire(wire, "schema")
        if self._other == "bool":
            return allows if schema is None else schema
        return items if items or schema is None else schema

    def write(self, value: Any) -> bytes:
        if self._other == "bool":
            # A schema implies that something is allowed; Go writes both.
            head = b"\x08" + varint(bool(value) or isinstance(value, dict))
            return head + (piece(_SECOND, _schema().write(value)) if _is_dict(value) else b"")
        if _is_dict(value):
            return piece(_FIRST, _schema().write(value))
        if self._other == "strings":
            return b"".join(piece(_SECOND, item.encode()) for item in value)
        return b"".join(piece(_SECOND, _schema().write(item)) for item in value)


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def _schema() -> Message:
    found = message("apiextensions/v1.JSONSchemaProps")
    assert found is not None
    return found


def _type(package: str, name: str) -> Scalar | Message | _Union:
    found: Scalar | Message | _Union | None = SCALARS.get(name) or _UNIONS.get(name)
    if found is None:
        found = message(name if "/" in name else f"{package}.{name}")
    assert found is not None, name
    return found


@lru_cache(1)
def _lines() -> dict[str, str]:
    found: dict[str, str] = orjson.loads(
        Path(__file__).with_name("protobuf_fields.json").read_bytes()
    )
    return found


_FIRST: Final = tag(1, BYTES)
_SECOND: Final = tag(2, BYTES)
_UNIONS: Final = {
    "orBool": _Union("bool"),
    "orArray": _Union("schemas"),
    "orStrings": _Union("strings"),
}
