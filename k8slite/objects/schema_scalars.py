"""Single values as Go's decoder takes them: numbers, base64, times, quantities, int-or-string.

Each reader answers the canonical value and raises `Wrong` with upstream's message.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from k8slite.objects import quantity

# Times are mostly seen once, but an object's own come with each of its updates.
_REMEMBERED_TIMES: Final = 4096


class Wrong(Exception):
    """A value that does not fit; the places on the way to it are added while it rises."""

    def __init__(self, message: str = "", *, value: str = "", type_: str = "") -> None:
        super().__init__(message)
        self.message = message  # complete, when the value's own reader has found the mistake
        self.value = value
        self.type = type_
        self.struct = ""
        self.path: list[str] = []  # innermost first

    def text(self) -> str:
        """As Go's `json.UnmarshalTypeError` puts it."""
        if self.message:
            return self.message
        if not self.path:
            return f"json: cannot unmarshal {self.value} into Go value of type {self.type}"
        path = ".".join(reversed(self.path))
        return (
            f"json: cannot unmarshal {self.value} into Go struct field {self.struct}.{path} "
            f"of type {self.type}"
        )


def mismatch(value: Any, type_: str) -> Wrong:
    """A value of another JSON type than wanted."""
    return Wrong(value=json_kind(value), type_=type_)


def json_kind(value: Any) -> str:
    """The JSON type of a decoded value, as Go names it in messages."""
    return _KINDS.get(type(value), "null")


def read_integer(low: int, high: int, type_: str) -> Callable[[Any], Any]:
    """A reader of integers between two limits, both included."""

    def read(value: Any) -> Any:
        if type(value) is int:
            if low <= value <= high:
                return value
        elif type(value) is not float:
            raise mismatch(value, type_)
        # A number, but a fraction or too large: Go names it.
        raise Wrong(value=f"number {value}", type_=type_)

    return read


def read_number(value: Any) -> Any:
    """A float64."""
    if type(value) is not int and type(value) is not float:
        raise mismatch(value, "float64")
    return value


def read_quantity(value: Any) -> str:
    """A `resource.Quantity`, made canonical; a null counts as zero."""
    if value is None:
        return "0"
    if type(value) is dict or type(value) is list:
        raise Wrong(quantity.WRONG_FORMAT)
    try:
        return quantity.canonical(value)
    except ValueError as error:
        raise Wrong(str(error)) from None


def read_int_or_string(value: Any) -> int | str:
    """An `intstr.IntOrString`."""
    if type(value) is str:
        return value
    found: int = _read_int32_value(value)
    return found


def read_time(value: Any) -> str:
    """A `metav1.Time`, made UTC in whole seconds."""
    if type(value) is not str:
        raise mismatch(value, "string") if value is not None else Wrong(_time_text("", _RFC3339))
    return _time(value)


def read_micro_time(value: Any) -> str:
    """A `metav1.MicroTime`, made UTC; it must come with six digits after the second."""
    if type(value) is not str:
        raise mismatch(value, "string") if value is not None else Wrong(_time_text("", _MICRO))
    return _micro_time(value)


def read_bytes(value: Any) -> str:
    """Base64, made canonical: line ends are let pass and left out."""
    if type(value) is not str:
        if value is None:
            return ""
        raise mismatch(value, "[]uint8")
    try:
        binascii.a2b_base64(value, strict_mode=True)
    except (ValueError, binascii.Error):
        joined = value.replace("\n", "").replace("\r", "")
        offset = _corrupt_at(joined)
        if offset is not None:
            raise Wrong(f"illegal base64 data at input byte {offset}") from None
        return joined
    if "\n" in value or "\r" in value:
        return value.replace("\n", "").replace("\r", "")
    return value


def _corrupt_at(text: str) -> int | None:
    """Where Go's decoder stops, or None if it does not."""
    for start in range(0, len(text), 4):
        quantum = text[start : start + 4]
        for i, letter in enumerate(quantum):
            if letter == "=":
                if i < 2:
                    return start + i
                if i == 2:
                    if len(quantum) < 4:
                        return len(text)
                    if quantum[3] != "=":
                        return start + 2
                return None if start + 4 >= len(text) else start + 4
            if letter not in _BASE64:
                return start + i
        if len(quantum) < 4:
            return start
    return None


@lru_cache(_REMEMBERED_TIMES)
def _time(text: str) -> str:
    found = _TIME.fullmatch(text)
    if found is None:
        raise Wrong(_time_text(text, _RFC3339))
    return _moment(found, text).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(_REMEMBERED_TIMES)
def _micro_time(text: str) -> str:
    found = _TIME.fullmatch(text)
    if found is None or len(found["fraction"] or "") != 7:
        raise Wrong(_time_text(text, _MICRO))
    return _moment(found, text).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(found: re.Match[str], text: str) -> datetime:
    # datetime wants a point and at most six digits.
    fraction = (found["fraction"] or "")[1:7]
    moment = f"{found['date']}T{found['time']}{'.' + fraction.ljust(6, '0') if fraction else ''}"
    try:
        return datetime.fromisoformat(moment + found["zone"]).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Wrong(f'parsing time "{text}": {_out_of_range(found)} out of range') from None


def _out_of_range(found: re.Match[str]) -> str:
    month = int(found["date"][5:7])
    hour, minute, second = (int(part) for part in found["time"].split(":"))
    if not 1 <= month <= 12:
        return "month"
    for name, value, limit in (("hour", hour, 23), ("minute", minute, 59), ("second", second, 59)):
        if value > limit:
            return name
    return "day"


def _time_text(text: str, layout: tuple[tuple[str, str], ...]) -> str:
    """Where and at what Go's time.Parse stops."""
    rest = text
    name = "".join(element for element, _ in layout)
    for element, pattern in layout:
        found = re.match(pattern, rest, re.ASCII)
        if found is None:
            return f'parsing time "{text}" as "{name}": cannot parse "{rest}" as "{element}"'
        rest = rest[found.end() :]
    return f'parsing time "{text}": extra text: "{rest}"'


_KINDS: Final = {
    str: "string", int: "number", float: "number", bool: "bool", list: "array", dict: "object",
}  # fmt: skip
_BASE64: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_TIME: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?P<fraction>[.,][0-9]+)?(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_SECONDS: Final = (
    ("2006", "[0-9]{4}"),
    ("-", "-"),
    ("01", "[0-9]{2}"),
    ("-", "-"),
    ("02", "[0-9]{2}"),
    ("T", "T"),
    ("15", "[0-9]{2}"),
    (":", ":"),
    ("04", "[0-9]{2}"),
    (":", ":"),
)
_ZONE: Final = ("Z07:00", "Z|[+-][0-9]{2}:[0-9]{2}")
_RFC3339: Final = (*_SECONDS, ("05", r"[0-9]{2}([.,][0-9]+)?"), _ZONE)
_MICRO: Final = (*_SECONDS, ("05", "[0-9]{2}"), (".000000", r"[.,][0-9]{6}(?![0-9])"), _ZONE)
_read_int32_value = read_integer(-(2**31), 2**31 - 1, "int32")
