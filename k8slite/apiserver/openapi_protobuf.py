"""The Swagger 2.0 document as the protobuf message that kubectl and client-go ask for.

In: the document as plain data. Out: the bytes of gnostic's `openapi.v2.Document`, whose field
numbers are in the tables below. Keys that begin with `x-` become vendor extensions, written as
JSON, which is YAML. Raises KeyError for a key that has no field: that is a bug here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

Json = dict[str, Any]
# A value's bytes with their wire type.
Written = tuple[int, bytes]
Writer = Callable[[Any], Written]

MEDIA_TYPE: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
# What clients have always asked for; upstream answers it with the type above.
ASKED_TYPE: Final = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2


def document(found: Json) -> bytes:
    """The whole document."""
    return _message(found, _DOCUMENT)


def _message(found: Mapping[str, Any], fields: Mapping[str, tuple[int, Writer]]) -> bytes:
    parts: list[bytes] = []
    for key, value in found.items():
        if key.startswith("x-"):
            number, _ = fields["x-"]
            parts.append(_field(number, _named(key, _any(value))))
            continue
        number, write = fields[key]
        repeated = isinstance(value, list) and (write is not _any or key == "enum")
        parts += [_field(number, write(one)) for one in (value if repeated else (value,))]
    return b"".join(parts)


def _field(number: int, written: Written) -> bytes:
    wire_type, data = written
    tag = _varint(number << 3 | wire_type)
    return tag + _varint(len(data)) + data if wire_type == _BYTES else tag + data


def _varint(number: int) -> bytes:
    found = bytearray()
    number &= (1 << 64) - 1
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _text(value: str) -> Written:
    return _BYTES, value.encode()


def _integer(value: int) -> Written:
    return _VARINT, _varint(int(value))


def _double(value: float) -> Written:
    return _FIXED64, struct.pack("<d", value)


def _any(value: Any) -> Written:
    return _BYTES, _field(2, (_BYTES, orjson.dumps(value)))


def _named(name: str, value: Written) -> Written:
    return _BYTES, _field(1, _text(name)) + _field(2, value)


def _map(write: Writer, number: int = 1) -> Writer:
    """A map as messages of pairs in the given field."""

    def written(found: Json) -> Written:
        pairs = (_field(number, _named(name, write(value))) for name, value in found.items())
        return _BYTES, b"".join(pairs)

    return written


def _of(fields: Mapping[str, tuple[int, Writer]], *wrappers: int) -> Writer:
    """A message, inside messages that hold it alone in the given fields, outermost last."""

    def written(found: Json) -> Written:
        data = _message(found, fields)
        for number in wrappers:
            data = _field(number, (_BYTES, data))
        return _BYTES, data

    return written


def _type(value: str) -> Written:
    return _BYTES, _field(1, _text(value))


def _schema(value: Json) -> Written:
    return _BYTES, _message(value, _SCHEMA)


def _in_first(value: Json) -> Written:
    return _BYTES, _field(1, _schema(value))


def _schema_or_flag(value: Json | bool) -> Written:
    return (_BYTES, _field(2, _integer(value))) if isinstance(value, bool) else _in_first(value)


def _parameter(value: Json) -> Written:
    return _PARAMETERS[value["in"]](value)


def _strings(value: list[str]) -> Written:
    return _BYTES, b"".join(_field(1, _text(one)) for one in value)


_SCHEMA: Final[Mapping[str, tuple[int, Writer]]] = {
    "$ref": (1, _text),
    "format": (2, _text),
    "title": (3, _text),
    "description": (4, _text),
    "default": (5, _any),
    "multipleOf": (6, _double),
    "maximum": (7, _double),
    "exclusiveMaximum": (8, _integer),
    "minimum": (9, _double),
    "exclusiveMinimum": (10, _integer),
    "maxLength": (11, _integer),
    "minLength": (12, _integer),
    "pattern": (13, _text),
    "maxItems": (14, _integer),
    "minItems": (15, _integer),
    "uniqueItems": (16, _integer),
    "maxProperties": (17, _integer),
    "minProperties": (18, _integer),
    "required": (19, _text),
    "enum": (20, _any),
    "additionalProperties": (21, _schema_or_flag),
    "type": (22, _type),
    "items": (23, _in_first),
    "allOf": (24, _schema),
    "properties": (25, _map(_schema)),
    "example": (30, _any),
    "x-": (31, _any),
}
_BODY: Final[Mapping[str, tuple[int, Writer]]] = {
    "description": (1, _text),
    "name": (2, _text),
    "in": (3, _text),
    "required": (4, _integer),
    "schema": (5, _schema),
    "x-": (6, _any),
}
_PATH: Final[Mapping[str, tuple[int, Writer]]] = {
    "required": (1, _integer),
    "in": (2, _text),
    "description": (3, _text),
    "name": (4, _text),
    "type": (5, _text),
    "format": (6, _text),
    "uniqueItems": (19, _integer),
    "x-": (22, _any),
}
_QUERY: Final[Mapping[str, tuple[int, Writer]]] = {
    **_PATH,
    "type": (6, _text),
    "format": (7, _text),
    "uniqueItems": (20, _integer),
    "x-": (23, _any),
}
# Which message a parameter is, and in which fields of which messages that lies.
_PARAMETERS: Final[Mapping[str, Writer]] = {
    "body": _of(_BODY, 1, 1),
    "query": _of(_QUERY, 3, 2, 1),
    "path": _of(_PATH, 4, 2, 1),
}
_RESPONSE: Final[Mapping[str, tuple[int, Writer]]] = {
    "description": (1, _text),
    "schema": (2, _in_first),
    "x-": (5, _any),
}
_OPERATION: Final[Mapping[str, tuple[int, Writer]]] = {
    "tags": (1, _text),
    "summary": (2, _text),
    "description": (3, _text),
    "operationId": (5, _text),
    "produces": (6, _text),
    "consumes": (7, _text),
    "parameters": (8, _parameter),
    "responses": (9, _map(_of(_RESPONSE, 1))),
    "schemes": (10, _text),
    "deprecated": (11, _integer),
    "x-": (13, _any),
}
_PATH_ITEM: Final[Mapping[str, tuple[int, Writer]]] = {
    "get": (2, _of(_OPERATION)),
    "put": (3, _of(_OPERATION)),
    "post": (4, _of(_OPERATION)),
    "delete": (5, _of(_OPERATION)),
    "options": (6, _of(_OPERATION)),
    "head": (7, _of(_OPERATION)),
    "patch": (8, _of(_OPERATION)),
    "parameters": (9, _parameter),
    "x-": (10, _any),
}
_KEY_SECURITY: Final[Mapping[str, tuple[int, Writer]]] = {
    "type": (1, _text),
    "name": (2, _text),
    "in": (3, _text),
    "description": (4, _text),
}
_INFO: Final[Mapping[str, tuple[int, Writer]]] = {"title": (1, _text), "version": (2, _text)}
_DOCUMENT: Final[Mapping[str, tuple[int, Writer]]] = {
    "swagger": (1, _text),
    "info": (2, _of(_INFO)),
    "paths": (8, _map(_of(_PATH_ITEM), 2)),
    "definitions": (9, _map(_schema)),
    "security": (12, _map(_strings)),
    "securityDefinitions": (13, _map(_of(_KEY_SECURITY, 2))),
}
