"""Values of one field in protobuf and in JSON: scalars, and messages that JSON writes as scalars.

A type knows its wire type, how it is read (`read(data, depth)`: a varint or bytes to JSON) and
written (`write(value)`), and what Go's zero value looks like in JSON (None: it is left out).
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from attrs import frozen

from k8slite.objects.meta import micro_timestamp, parse_timestamp, timestamp
from k8slite.objects.protobuf_wire import (
    BYTES,
    FIXED64,
    VARINT,
    Malformed,
    piece,
    pieces,
    read_varint,
    signed,
    tag,
    varint,
    wrong_wire,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS: Final = 1_000_000_000


@frozen
class Scalar:
    """How values of one type are read and written."""

    wire: int
    read: Callable[[Any, int], Any]
    write: Callable[[Any], bytes]
    zero: Any  # in JSON, of a field that is no pointer
    empty: bytes  # on the wire, of a field that is no pointer
    is_struct: bool = False  # Go's omitempty does not apply to it


def _text(data: bytes, _depth: int) -> str:
    return data.decode(errors="replace")


def _write_text(value: Any) -> bytes:
    # Numbers may stand for quantities in objects that nobody has put in order yet.
    return (value if isinstance(value, str) else str(value)).encode()


def _integer(bits: int) -> Callable[[Any, int], int]:
    return lambda value, _depth: signed(value, bits)


def _write_double(value: Any) -> bytes:
    return struct.pack("<d", float(value))


def _read_double(data: bytes, _depth: int) -> int | float:
    found: float = struct.unpack("<d", data)[0]
    if found != found or found in (float("inf"), float("-inf")):
        raise Malformed(f"json: unsupported value: {found}")
    # JSON has one kind of number; Go writes a whole one without its fraction.
    return int(found) if found.is_integer() and abs(found) < 2**53 else found


def _read_bytes(data: bytes, _depth: int) -> str:
    return base64.b64encode(data).decode()


def _only(data: bytes, wanted: int, name: str) -> bytes:
    """The one field, of bytes, of a message that wraps it."""
    found = b""
    for number, wire, value in pieces(data, name):
        if number != wanted:
            continue
        if not isinstance(value, bytes) or wire != BYTES:
            raise wrong_wire(wire, name)
        found = value
    return found


def _read_quantity(data: bytes, _depth: int) -> str:
    return _only(data, 1, "Quantity").decode(errors="replace") or "0"


def _write_quantity(value: Any) -> bytes:
    return piece(_FIRST, _write_text(value))


def _read_strings(data: bytes, _depth: int) -> list[str]:
    found = []
    for number, wire, value in pieces(data, "Items"):
        if number == 1:
            if not isinstance(value, bytes) or wire != BYTES:
                raise wrong_wire(wire, "Items")
            found.append(value.decode(errors="replace"))
    return found


def _write_strings(value: Any) -> bytes:
    return b"".join(piece(_FIRST, _write_text(item)) for item in value)


def _read_int_or_string(data: bytes, _depth: int) -> int | str:
    kind, number, text = 0, 0, ""
    for field, wire, value in pieces(data, "IntOrString"):
        if field in (1, 2) and isinstance(value, int):
            if field == 1:
                kind = value
            else:
                number = signed(value, 32)
        elif field == 3 and isinstance(value, bytes):
            text = value.decode(errors="replace")
        elif field in (1, 2, 3):
            raise wrong_wire(wire, ("type", "intVal", "strVal")[field - 1])
    if kind > 1:
        raise Malformed("impossible IntOrString.Type")
    return text if kind else number


def _write_int_or_string(value: Any) -> bytes:
    is_text = isinstance(value, str)
    number, text = (0, value) if is_text else (value, "")
    head = b"\x08\x01\x10" if is_text else b"\x08\x00\x10"
    return head + varint(number) + piece(_THIRD, text.encode())


def _read_moment(data: bytes) -> datetime | None:
    if not data:
        return None
    seconds = nanos = 0
    for number, wire, value in pieces(data, "Timestamp"):
        if number not in (1, 2):
            continue
        if not isinstance(value, int):
            raise wrong_wire(wire, "seconds" if number == 1 else "nanos")
        if number == 1:
            seconds = signed(value, 64)
        else:
            nanos = signed(value, 32)
    try:
        return _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)
    except OverflowError:
        raise Malformed("Time.MarshalJSON: year outside of range [0,9999]") from None


def _read_time(data: bytes, _depth: int) -> str | None:
    moment = _read_moment(data)
    return None if moment is None else timestamp(moment)


def _read_micro_time(data: bytes, _depth: int) -> str | None:
    moment = _read_moment(data)
    return None if moment is None else micro_timestamp(moment)


def _write_moment(value: str) -> bytes:
    since = parse_timestamp(value) - _EPOCH
    seconds = since.days * 86_400 + since.seconds
    return b"\x08" + varint(seconds) + b"\x10" + varint(since.microseconds * 1000 % _NANOS)


def _read_raw(data: bytes, _depth: int) -> Any:
    raw = _only(data, 1, "Raw")
    if not raw:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"json: error calling MarshalJSON: {error}") from None


def _write_raw(value: Any) -> bytes:
    return piece(_FIRST, orjson.dumps(value))


def read_packed(data: bytes, read: Callable[[Any, int], Any]) -> list[Any]:
    """Integers one after another without tags, which proto3 writers send."""
    found, at = [], 0
    while at < len(data):
        value, at = read_varint(data, at)
        found.append(read(value, 0))
    return found


_FIRST: Final = tag(1, BYTES)
_THIRD: Final = tag(3, BYTES)

SCALARS: Final[dict[str, Scalar]] = {
    "string": Scalar(BYTES, _text, _write_text, "", b""),
    "bytes": Scalar(BYTES, _read_bytes, base64.b64decode, "", b""),
    "int32": Scalar(VARINT, _integer(32), varint, 0, b"\0"),
    "int64": Scalar(VARINT, _integer(64), varint, 0, b"\0"),
    "bool": Scalar(VARINT, lambda value, _: value != 0, varint, False, b"\0"),
    "double": Scalar(FIXED64, _read_double, _write_double, 0, bytes(8)),
    "strings": Scalar(BYTES, _read_strings, _write_strings, None, b""),
    "quantity": Scalar(
        BYTES, _read_quantity, _write_quantity, "0", _write_quantity("0"), is_struct=True
    ),
    "intOrString": Scalar(
        BYTES, _read_int_or_string, _write_int_or_string, 0, _write_int_or_string(0), True
    ),
    "time": Scalar(BYTES, _read_time, _write_moment, None, b"", True),
    "microTime": Scalar(BYTES, _read_micro_time, _write_moment, None, b"", True),
    "raw": Scalar(BYTES, _read_raw, _write_raw, None, b"", True),
}
