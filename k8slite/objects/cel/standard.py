"""Operators, sizes and conversions of CEL itself.

Upstream: `cel-go/common/stdlib`, `common/types` (overflows, conversions).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from k8slite.objects.cel.declarations import Declared, Functions, overloads
from k8slite.objects.cel.times import duration_of, timestamp_of
from k8slite.objects.cel.values import (
    Duration,
    Timestamp,
    UInt,
    concatenated,
    contains,
    equal,
    type_of,
)
from k8slite.objects.go_duration import SECOND

_INT_LIMIT: Final = 1 << 63
_UINT_LIMIT: Final = 1 << 64


def _int(value: int) -> int:
    if not -_INT_LIMIT <= value < _INT_LIMIT:
        raise ValueError("integer overflow")
    return value


def _uint(value: int) -> UInt:
    if not 0 <= value < _UINT_LIMIT:
        raise ValueError("unsigned integer overflow")
    return UInt(value)


def _divide(one: int, other: int) -> int:
    if other == 0:
        raise ValueError("division by zero")
    quotient = abs(one) // abs(other)
    return _int(quotient if (one < 0) == (other < 0) else -quotient)


def _modulo(one: int, other: int) -> int:
    if other == 0:
        raise ValueError("modulus by zero")
    rest = abs(one) % abs(other)
    return -rest if one < 0 else rest


def _divide_doubles(one: float, other: float) -> float:
    if other == 0:
        return (
            math.nan
            if one == 0 or math.isnan(one)
            else math.copysign(math.inf, one) * (math.copysign(1, other))
        )
    return one / other


def _double(text: str) -> float:
    if "_" in text or text != text.strip():
        raise ValueError(f"type conversion error from string to double: {text}")
    return float(text)


def _int_of_double(value: float) -> int:
    if math.isnan(value) or not -(2.0**63) < value < 2.0**63:
        raise ValueError("integer overflow")
    return int(value)


def _uint_of_double(value: float) -> UInt:
    if math.isnan(value) or not 0 <= value < 2.0**64:
        raise ValueError("unsigned integer overflow")
    return UInt(int(value))


def _int_of_text(text: str) -> int:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdecimal()):
        raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return _int(int(text))


def _bool_of_text(text: str) -> bool:
    if text not in _TRUTHS:
        raise ValueError("type conversion error from 'string' to 'bool'")
    return _TRUTHS[text]


def text_of_double(value: float) -> str:
    """A number as Go's FormatFloat(v, 'g', -1, 64) writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    mantissa, mark, exponent = text.partition("e")
    if mark:
        sign = "-" if exponent.startswith("-") else "+"
        return f"{mantissa.removesuffix('.0')}e{sign}{exponent.lstrip('+-').zfill(2)}"
    if value == int(value) and abs(value) >= 1e21:
        return f"{value:e}"
    return text.removesuffix(".0")


def _text_of_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError("invalid UTF-8 in bytes, cannot convert to string") from None


def _index(values: list[Any], position: Any) -> Any:
    if isinstance(position, float) and position == int(position):
        position = int(position)
    if not 0 <= position < len(values):
        raise ValueError(f"index out of bounds: {position}")
    return values[position]


def looked_up(values: dict[Any, Any], key: Any) -> Any:
    """The value of a key, where a number may be written as any kind of number."""
    found = values.get(key, _MISSING)
    if found is _MISSING or isinstance(key, bool):
        raise ValueError(f"no such key: {shown(key)}")
    return found


def shown(key: Any) -> str:
    """A key as complaints write it."""
    if isinstance(key, bool):
        return "true" if key else "false"
    return text_of_double(key) if isinstance(key, float) else str(key)


def _joined_durations(one: Duration, other: Duration) -> Duration:
    return Duration.checked(one.nanoseconds + other.nanoseconds)


def _later(moment: Timestamp, span: Duration) -> Timestamp:
    return Timestamp.checked(moment.nanoseconds + span.nanoseconds)


def _add() -> list[Declared]:
    return [
        ("add_bytes", "(bytes, bytes) -> bytes", lambda a, b: a + b),
        ("add_double", "(double, double) -> double", lambda a, b: a + b),
        ("add_duration_duration", "(duration, duration) -> duration", _joined_durations),
        ("add_duration_timestamp", "(duration, timestamp) -> timestamp", lambda a, b: _later(b, a)),
        ("add_int64", "(int, int) -> int", lambda a, b: _int(a + b)),
        ("add_list", "(list<A>, list<A>) -> list<A>", concatenated),
        ("add_string", "(string, string) -> string", lambda a, b: a + b),
        ("add_timestamp_duration", "(timestamp, duration) -> timestamp", _later),
        ("add_uint64", "(uint, uint) -> uint", lambda a, b: _uint(a + b)),
    ]


def _subtract() -> list[Declared]:
    def before(moment: Timestamp, span: Duration) -> Timestamp:
        return Timestamp.checked(moment.nanoseconds - span.nanoseconds)

    def between(one: Any, other: Any) -> Duration:
        return Duration.checked(one.nanoseconds - other.nanoseconds)

    return [
        ("subtract_double", "(double, double) -> double", lambda a, b: a - b),
        ("subtract_duration_duration", "(duration, duration) -> duration", between),
        ("subtract_int64", "(int, int) -> int", lambda a, b: _int(a - b)),
        ("subtract_timestamp_duration", "(timestamp, duration) -> timestamp", before),
        ("subtract_timestamp_timestamp", "(timestamp, timestamp) -> duration", between),
        ("subtract_uint64", "(uint, uint) -> uint", lambda a, b: _uint(a - b)),
    ]


def _compared(name: str, compare: Callable[[Any, Any], bool]) -> list[Declared]:
    """Comparisons of one kind, and of numbers of different kinds."""
    same = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
    found: list[Declared] = [
        (f"{name}_{_IDS.get(one, one)}", f"({one}, {one}) -> bool", compare) for one in same
    ]
    for one in ("int", "uint", "double"):
        for other in ("int", "uint", "double"):
            if one != other:
                id_ = f"{name}_{_IDS.get(one, one)}_{_IDS.get(other, other)}"
                found.append((id_, f"({one}, {other}) -> bool", compare))
    return found


def _sizes() -> list[Declared]:
    found: list[Declared] = []
    for one, taken in (("bytes",) * 2, ("list", "list<A>"), ("map", "map<A, B>"), ("string",) * 2):
        found.append((f"size_{one}", f"({taken}) -> int", len))
        found.append((f"{one}_size", f"{taken}.() -> int", len))
    return found


def _same(value: Any) -> Any:
    return value


_MISSING: Final = object()
_TRUTHS: Final = {
    **dict.fromkeys(("true", "True", "TRUE", "t", "1"), True),
    **dict.fromkeys(("false", "False", "FALSE", "f", "0"), False),
}
_IDS: Final = {"int": "int64", "uint": "uint64"}

FUNCTIONS: Final[Functions] = {
    "_+_": overloads(*_add()),
    "_-_": overloads(*_subtract()),
    "_*_": overloads(
        ("multiply_double", "(double, double) -> double", lambda a, b: a * b),
        ("multiply_int64", "(int, int) -> int", lambda a, b: _int(a * b)),
        ("multiply_uint64", "(uint, uint) -> uint", lambda a, b: _uint(a * b)),
    ),
    "_/_": overloads(
        ("divide_double", "(double, double) -> double", _divide_doubles),
        ("divide_int64", "(int, int) -> int", _divide),
        ("divide_uint64", "(uint, uint) -> uint", lambda a, b: UInt(_divide(a, b))),
    ),
    "_%_": overloads(
        ("modulo_int64", "(int, int) -> int", _modulo),
        ("modulo_uint64", "(uint, uint) -> uint", lambda a, b: UInt(_modulo(a, b))),
    ),
    "-_": overloads(
        ("negate_double", "(double) -> double", lambda a: -a),
        ("negate_int64", "(int) -> int", lambda a: _int(-a)),
    ),
    "_==_": overloads(("equals", "(A, A) -> bool", equal)),
    "_!=_": overloads(("not_equals", "(A, A) -> bool", lambda a, b: not equal(a, b))),
    "_<_": overloads(*_compared("less", lambda a, b: a < b)),
    "_<=_": overloads(*_compared("less_equals", lambda a, b: a <= b)),
    "_>_": overloads(*_compared("greater", lambda a, b: a > b)),
    "_>=_": overloads(*_compared("greater_equals", lambda a, b: a >= b)),
    # These five are never run: `evaluation` decides what of them is looked at.
    "_&&_": overloads(("logical_and", "(bool, bool) -> bool", _same)),
    "_||_": overloads(("logical_or", "(bool, bool) -> bool", _same)),
    "!_": overloads(("logical_not", "(bool) -> bool", lambda a: not a)),
    "_?_:_": overloads(("conditional", "(bool, A, A) -> A", _same)),
    "@not_strictly_false": overloads(("not_strictly_false", "(bool) -> bool", _same)),
    "@in": overloads(
        ("in_list", "(A, list<A>) -> bool", lambda a, b: contains(b, a)),
        ("in_map", "(A, map<A, B>) -> bool", lambda a, b: a in b),
    ),
    "_[_]": overloads(
        ("index_list", "(list<A>, int) -> A", _index),
        ("index_map", "(map<A, B>, A) -> B", looked_up),
    ),
    "size": overloads(*_sizes()),
    "type": overloads(("type", "(A) -> type<A>", type_of)),
    "dyn": overloads(("to_dyn", "(A) -> dyn", _same)),
    "bool": overloads(
        ("bool_to_bool", "(bool) -> bool", _same),
        ("string_to_bool", "(string) -> bool", _bool_of_text),
    ),
    "bytes": overloads(
        ("bytes_to_bytes", "(bytes) -> bytes", _same),
        ("string_to_bytes", "(string) -> bytes", str.encode),
    ),
    "double": overloads(
        ("double_to_double", "(double) -> double", _same),
        ("int64_to_double", "(int) -> double", float),
        ("string_to_double", "(string) -> double", _double),
        ("uint64_to_double", "(uint) -> double", float),
    ),
    "duration": overloads(
        ("duration_to_duration", "(duration) -> duration", _same),
        ("string_to_duration", "(string) -> duration", duration_of),
    ),
    "int": overloads(
        ("int64_to_int64", "(int) -> int", _same),
        ("double_to_int64", "(double) -> int", _int_of_double),
        ("duration_to_int64", "(duration) -> int", lambda a: a.nanoseconds),
        ("string_to_int64", "(string) -> int", _int_of_text),
        ("timestamp_to_int64", "(timestamp) -> int", lambda a: a.nanoseconds // SECOND),
        ("uint64_to_int64", "(uint) -> int", lambda a: _int(int(a))),
    ),
    "string": overloads(
        ("string_to_string", "(string) -> string", _same),
        ("bool_to_string", "(bool) -> string", lambda a: "true" if a else "false"),
        ("bytes_to_string", "(bytes) -> string", _text_of_bytes),
        ("double_to_string", "(double) -> string", text_of_double),
        ("duration_to_string", "(duration) -> string", str),
        ("int64_to_string", "(int) -> string", str),
        ("timestamp_to_string", "(timestamp) -> string", str),
        ("uint64_to_string", "(uint) -> string", lambda a: str(int(a))),
    ),
    "timestamp": overloads(
        ("timestamp_to_timestamp", "(timestamp) -> timestamp", _same),
        ("string_to_timestamp", "(string) -> timestamp", timestamp_of),
        ("int64_to_timestamp", "(int) -> timestamp", lambda a: Timestamp.checked(a * SECOND)),
    ),
    "uint": overloads(
        ("uint64_to_uint64", "(uint) -> uint", _same),
        ("double_to_uint64", "(double) -> uint", _uint_of_double),
        ("int64_to_uint64", "(int) -> uint", _uint),
        ("string_to_uint64", "(string) -> uint", lambda a: _uint(_int_of_text(a))),
    ),
}
