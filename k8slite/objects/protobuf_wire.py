"""Protobuf's wire: tags, varints and length-delimited pieces, as gogo-protobuf reads and writes.

    for number, wire, value in pieces(data, "Pod"): ...     # value: int, or bytes
    piece(tag(3, BYTES), b"...")                            # bytes

Errors are worded as the code that gogo-protobuf generates words them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
_GROUP: Final = 3
_GROUP_END: Final = 4
_FIXED32: Final = 5

_MASK: Final = (1 << 64) - 1
_VARINT_BITS: Final = 64
_LENGTH_LIMIT: Final = 1 << 63  # beyond it Go's int is negative
# Groups are no part of Kubernetes; this many in one another are skipped.
_GROUPS_LIMIT: Final = 32


class Malformed(ValueError):
    """Bytes that are no such message; the message is Go's."""


def varint(value: int) -> bytes:
    """An integer of up to 64 bits; a negative one takes ten bytes."""
    if 0 <= value < 128:
        return _SMALL[value]
    value &= _MASK
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def tag(number: int, wire: int) -> bytes:
    """What stands before a field's value."""
    return varint(number << 3 | wire)


def piece(field_tag: bytes, data: bytes) -> bytes:
    """A length-delimited field."""
    return field_tag + varint(len(data)) + data


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned integer and where it ends. Raises Malformed."""
    found = shift = 0
    while True:
        if shift >= _VARINT_BITS:
            raise Malformed("proto: integer overflow")
        if at >= len(data):
            raise Malformed("unexpected EOF")
        byte = data[at]
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return found & _MASK, at
        shift += 7


def signed(value: int, bits: int) -> int:
    """An unsigned integer as Go converts it to one of so many bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def pieces(data: bytes, message: str) -> Iterator[tuple[int, int, int | bytes]]:
    """Field number, wire type and value of each field; groups are left out. Raises Malformed."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        number, wire = signed(key >> 3, 32), key & 7
        if wire == _GROUP_END:
            raise Malformed(f"proto: {message}: wiretype end group for non-group")
        if number <= 0:
            raise Malformed(f"proto: {message}: illegal tag {number} (wire type {key})")
        if wire == VARINT:
            value, at = read_varint(data, at)
            yield number, wire, value
        elif wire == BYTES:
            end = _end(data, at)
            yield number, wire, data[end[0] : end[1]]
            at = end[1]
        else:
            start, at = at, _skip(data, at, wire)
            if wire != _GROUP:
                yield number, wire, data[start:at]


def wrong_wire(wire: int, name: str) -> Malformed:
    """The complaint about a field of another wire type than it should have."""
    return Malformed(f"proto: wrong wireType = {wire} for field {name[:1].upper()}{name[1:]}")


def _end(data: bytes, at: int) -> tuple[int, int]:
    length, start = read_varint(data, at)
    if length >= _LENGTH_LIMIT:
        raise Malformed("proto: negative length found during unmarshaling")
    if start + length > len(data):
        raise Malformed("unexpected EOF")
    return start, start + length


def _skip(data: bytes, at: int, wire: int, depth: int = 0) -> int:
    """Where a value ends that nobody asks for."""
    if wire == VARINT:
        return read_varint(data, at)[1]
    if wire == BYTES:
        return _end(data, at)[1]
    if wire == _GROUP and depth < _GROUPS_LIMIT:
        while True:
            key, at = read_varint(data, at)
            if key & 7 == _GROUP_END:
                return at
            at = _skip(data, at, key & 7, depth + 1)
    size = {FIXED64: 8, _FIXED32: 4}.get(wire)
    if size is None:
        raise Malformed(f"proto: illegal wireType {wire}")
    if at + size > len(data):
        raise Malformed("unexpected EOF")
    return at + size


_SMALL: Final = tuple(bytes((value,)) for value in range(128))
