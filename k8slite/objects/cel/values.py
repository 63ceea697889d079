"""Values: what Python has not, when two are equal, and which type each is of.

A value is a bool, int, UInt, float, str, bytes, None, list, dict (of a map, and of an object that
came from outside), Type, or one of the classes below and in `library`, which say their type in
`cel_type`. Upstream: `cel-go/common/types`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import frozen

from k8slite.objects.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    Type,
    list_of,
    map_of,
    optional_of,
)
from k8slite.objects.go_duration import SECOND

_DAY_SECONDS: Final = 86_400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# The years 1 to 9999.
_FIRST: Final = -62_135_596_800 * SECOND
_LAST: Final = 253_402_300_800 * SECOND - 1
_DURATION_LIMIT: Final = 1 << 63
TOO_MUCH: Final = "operation cancelled: actual cost limit exceeded"
# How often items of two lists are compared at the most, each with each.
COMPARISONS_LIMIT: Final = 1_000_000


class EvaluationFailed(Exception):
    """An expression that has no value; && and || may do without it."""


class BudgetExceeded(Exception):
    """An expression that costs more than may be spent; nothing does without it."""


class UInt(int):
    """An unsigned integer, which is never equal to nothing but numbers."""


@frozen(order=True)
class Timestamp:
    """A moment."""

    nanoseconds: int  # since 1970
    cel_type: ClassVar[Type] = TIMESTAMP

    @classmethod
    def checked(cls, nanoseconds: int) -> Timestamp:
        """Raises EvaluationFailed outside of the years 1 to 9999."""
        if not _FIRST <= nanoseconds <= _LAST:
            raise EvaluationFailed("timestamp overflow")
        return cls(nanoseconds)

    def at(self, zone: str = "UTC") -> datetime:
        """As a date and time there, to microseconds. Raises EvaluationFailed."""
        moment = _EPOCH + timedelta(microseconds=self.nanoseconds // 1000)
        try:
            return moment.astimezone(_zone(zone))
        except OverflowError:
            raise EvaluationFailed("timestamp overflow") from None

    def __str__(self) -> str:
        moment = self.at()
        fraction = f".{self.nanoseconds % SECOND:09d}".rstrip("0").rstrip(".")
        return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}{fraction}Z"


@frozen(order=True)
class Duration:
    """A time span."""

    nanoseconds: int
    cel_type: ClassVar[Type] = DURATION

    @classmethod
    def checked(cls, nanoseconds: int) -> Duration:
        """Raises EvaluationFailed for more than 292 years."""
        if not -_DURATION_LIMIT <= nanoseconds < _DURATION_LIMIT:
            raise EvaluationFailed("duration overflow")
        return cls(nanoseconds)

    def __str__(self) -> str:
        sign = "-" if self.nanoseconds < 0 else ""
        seconds, rest = divmod(abs(self.nanoseconds), SECOND)
        return f"{sign}{seconds}{f'.{rest:09d}'.rstrip('0').rstrip('.')}s"


@frozen(eq=False)
class Optional:
    """A value that may not be there."""

    value: Any = None
    is_there: bool = False

    @property
    def cel_type(self) -> Type:
        return optional_of(type_of(self.value) if self.is_there else DYN)


NONE: Final = Optional()


@frozen(eq=False)
class Made:
    """An object that an expression has written out."""

    name: str  # of its type
    fields: dict[str, Any]

    @property
    def cel_type(self) -> Type:
        return Type(self.name)


class SetList(list[Any]):
    """A list of a schema whose items are a set: their order does not count."""


class FilledMap(dict[Any, Any]):
    """A map in which every key is found: where it holds none, there is an empty map."""

    def __missing__(self, _key: Any) -> dict[Any, Any]:
        return {}

    def get(self, key: Any, _default: Any = None) -> Any:
        """The value of any key."""
        return self[key]


class KeyedList(list[Any]):
    """A list of a schema whose items are told apart by keys: their order does not count."""

    keys: tuple[str, ...] = ()

    @classmethod
    def of(cls, items: Sequence[Any], keys: tuple[str, ...]) -> KeyedList:
        """Items whose fields `keys` tell them apart."""
        found = cls(items)
        found.keys = keys
        return found

    def key_of(self, item: Any) -> tuple[Any, ...]:
        """What tells an item apart."""
        return tuple(item.get(key) for key in self.keys) if isinstance(item, dict) else (item,)


def type_of(value: Any) -> Type:
    """The type of a value, as `type()` answers it."""
    if value is None:
        return NULL
    found = _TYPES.get(type(value))
    if found is not None:
        return found
    if isinstance(value, list):
        return list_of(DYN)
    if isinstance(value, dict):
        return map_of(DYN, DYN)
    type_: Type = value.cel_type
    return type_


def equal(one: Any, other: Any) -> bool:
    """Whether two values are equal; such of different types are not, but for numbers."""
    kind = type(one)
    if kind is type(other) and kind in _PLAIN:
        return bool(one == other)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other
    if isinstance(one, list):
        return isinstance(other, list) and _equal_lists(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and _equal_maps(one, other)
    if isinstance(one, Made):
        return (
            isinstance(other, Made)
            and one.name == other.name
            and _equal_maps(one.fields, other.fields)
        )
    if isinstance(one, Optional):
        if not isinstance(other, Optional) or one.is_there != other.is_there:
            return False
        return not one.is_there or equal(one.value, other.value)
    if isinstance(one, Type) and isinstance(other, Type):
        return one.name == other.name
    return kind is type(other) and bool(one == other)


def has_key(values: Mapping[Any, Any], key: Any) -> bool:
    """Whether a lookup of a key finds something; `in` asks for what is written there."""
    return key in values or isinstance(values, FilledMap)


def contains(values: Sequence[Any], wanted: Any) -> bool:
    """Whether a list has an equal value."""
    return any(equal(one, wanted) for one in values)


def concatenated(one: list[Any], other: list[Any]) -> list[Any]:
    """Two lists as one; what a set has already is not added, of the same keys the later counts."""
    if isinstance(one, SetList):
        known = _scalars(one)
        if known is not None:
            return SetList([*one, *(item for item in other if _scalar(item) not in known)])
        return SetList([*one, *(item for item in other if not contains(one, item))])
    if isinstance(one, KeyedList):
        later = {_hashable(one.key_of(item)): item for item in other}
        merged = [later.pop(_hashable(one.key_of(item)), item) for item in one]
        return KeyedList.of([*merged, *later.values()], one.keys)
    return one + other


def plain(value: Any) -> Any:
    """A value as JSON has it; optional ones that are not there as null.

    Raises EvaluationFailed for a map whose keys are not texts.
    """
    if isinstance(value, Optional):
        return plain(value.value) if value.is_there else None
    if isinstance(value, Made):
        return plain(value.fields)
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise EvaluationFailed(f'map key "{key}" is of type {type_of(key)}, not string')
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, UInt):
        return int(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def size_of(value: Any) -> int:
    """How much there is of a value where costs are counted: 1 of what has no size."""
    kind = type(value)
    if kind is str or kind is bytes or isinstance(value, list | dict):
        return len(value)
    return 1


def _equal_lists(one: list[Any], other: list[Any]) -> bool:
    if len(one) != len(other):
        return False
    if isinstance(one, SetList) or isinstance(other, SetList):
        first, second = _scalars(one), _scalars(other)
        if first is not None and second is not None:
            return first == second
        if len(one) * len(other) > COMPARISONS_LIMIT:
            raise BudgetExceeded(TOO_MUCH)
        return all(contains(other, item) for item in one)
    keyed = one if isinstance(one, KeyedList) else other
    if isinstance(keyed, KeyedList):
        known = {_hashable(keyed.key_of(item)): item for item in other}
        return all(equal(item, known.get(_hashable(keyed.key_of(item)), _MISSING)) for item in one)
    return all(equal(a, b) for a, b in zip(one, other, strict=True))


def _scalar(item: Any) -> tuple[bool, Any]:
    """A text, a number or a truth, so that true is not one."""
    return isinstance(item, bool), item


def _scalars(items: list[Any]) -> set[tuple[bool, Any]] | None:
    """Items that can be looked up; None if there are lists or maps among them."""
    if any(isinstance(item, list | dict) for item in items):
        return None
    return {_scalar(item) for item in items}


def _equal_maps(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    if len(one) != len(other):
        return False
    return all(key in other and equal(value, other[key]) for key, value in one.items())


def _hashable(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(repr(one) if isinstance(one, list | dict) else one for one in key)


def _zone(name: str) -> Any:
    if name in ("", "UTC"):
        return UTC
    hours, colon, minutes = name.lstrip("+-").partition(":")
    if colon and hours.isdecimal() and minutes.isdecimal():
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        if offset < timedelta(seconds=_DAY_SECONDS):
            return timezone(-offset if name.startswith("-") else offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise EvaluationFailed(f"unknown time zone {name}") from None


_MISSING: Final = object()
_PLAIN: Final = frozenset((str, int, bool, float, bytes, type(None), UInt))
_TYPES: Final[dict[type, Type]] = {
    bool: BOOL,
    int: INT,
    UInt: UINT,
    float: DOUBLE,
    str: STRING,
    bytes: BYTES,
    Type: TYPE,
    Timestamp: TIMESTAMP,
    Duration: DURATION,
}
