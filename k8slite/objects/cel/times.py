"""Moments and time spans: how they are read, and the parts of them.

Upstream: `cel-go/common/types/{timestamp,duration}.go`; Go's `time.ParseDuration`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from k8slite.objects.cel.declarations import Declared, Functions, overloads
from k8slite.objects.cel.values import SECOND, Duration, Timestamp


def timestamp_of(text: str) -> Timestamp:
    """A moment as RFC 3339 writes it. Raises ValueError."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(f"invalid timestamp: {text!r}")
    year, month, day, hour, minute, second = (int(match[number]) for number in range(1, 7))
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    nanoseconds = int((match[7] or "").ljust(9, "0")[:9])
    seconds = (moment - _EPOCH).days * 86_400 + (moment - _EPOCH).seconds
    if match[8]:
        offset = int(match[9]) * 3600 + int(match[10]) * 60
        seconds -= -offset if match[8] == "-" else offset
    return Timestamp.checked(seconds * SECOND + nanoseconds)


def duration_of(text: str) -> Duration:
    """A time span as Go writes it: 1h30m, -1.5s. Raises ValueError."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return Duration(0)
    if _SPAN.fullmatch(body) is None:
        raise ValueError(f'time: invalid duration "{text}"')
    total = sum(
        (Decimal(number) * _UNITS[unit] for number, unit in _PART.findall(body)), Decimal(0)
    )
    return Duration.checked(int(-total if text.startswith("-") else total))


def _part(name: str, of: Callable[[datetime], int], span: int = 0) -> list[Declared]:
    """A part of a moment, in UTC or another zone; of a time span, how often `span` goes in it."""
    found: list[Declared] = [
        (f"timestamp_to_{name}", "timestamp.() -> int", lambda moment: of(moment.at())),
        (
            f"timestamp_to_{name}_with_tz",
            "timestamp.(string) -> int",
            lambda moment, zone: of(moment.at(zone)),
        ),
    ]
    if span:

        def whole(value: Any) -> int:
            count: int = abs(value.nanoseconds) // span
            return -count if value.nanoseconds < 0 else count

        found.append((f"duration_to_{name}", "duration.() -> int", whole))
    return found


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))"
)
_NUMBER: Final = r"\d+\.?\d*|\.\d+"
_PART: Final = re.compile(rf"({_NUMBER})(ns|us|µs|μs|ms|s|m|h)")
_SPAN: Final = re.compile(rf"(?:(?:{_NUMBER})(?:ns|us|µs|μs|ms|s|m|h))+")
_UNITS: Final = {
    "ns": 1,
    "us": 1000,
    "µs": 1000,
    "μs": 1000,
    "ms": 10**6,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}

FUNCTIONS: Final[Functions] = {
    "getFullYear": overloads(*_part("year", lambda at: at.year)),
    "getMonth": overloads(*_part("month", lambda at: at.month - 1)),
    "getDayOfYear": overloads(*_part("day_of_year", lambda at: at.timetuple().tm_yday - 1)),
    "getDayOfMonth": overloads(*_part("day_of_month", lambda at: at.day - 1)),
    "getDate": overloads(*_part("day_of_month_1_based", lambda at: at.day)),
    "getDayOfWeek": overloads(*_part("day_of_week", lambda at: at.isoweekday() % 7)),
    "getHours": overloads(*_part("hours", lambda at: at.hour, 3600 * SECOND)),
    "getMinutes": overloads(*_part("minutes", lambda at: at.minute, 60 * SECOND)),
    "getSeconds": overloads(*_part("seconds", lambda at: at.second, SECOND)),
    "getMilliseconds": overloads(*_part("milliseconds", lambda at: at.microsecond // 1000, 10**6)),
}
