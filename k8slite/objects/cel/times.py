"""Moments and time spans: how they are read, and the parts of them.

Upstream: `cel-go/common/types/{timestamp,duration}.go`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from k8slite.objects.cel.declarations import Declared, Functions, overloads
from k8slite.objects.cel.values import Duration, Timestamp
from k8slite.objects.go_duration import SECOND, nanoseconds_of


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
    return Duration.checked(nanoseconds_of(text))


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
