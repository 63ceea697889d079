"""How long ago, for people (upstream: `apimachinery/pkg/util/duration`).

Two or three significant figures: the further back, the coarser.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_YEAR: Final = 365 * _DAY


def human_duration(span: timedelta) -> str:
    """`90s`, `5m30s`, `3h12m`, `2d4h`, `400d`, `3y`; slightly negative is `0s`."""
    seconds = _whole_seconds(span)
    if seconds < -1:
        return "<invalid>"
    if seconds < 0:
        return "0s"
    for below, unit, unit_letter, part, part_letter in _STEPS:
        if seconds < below:
            # Each step prints its unit, and the rest in the next smaller one unless it is 0.
            whole, rest = divmod(seconds, unit)
            parts = rest // part if part else 0
            return f"{whole}{unit_letter}" + (f"{parts}{part_letter}" if parts else "")
    return f"{seconds // _YEAR}y"


def since(then: datetime | None, now: datetime) -> str:
    """The time from `then` until now, `<unknown>` where it is not known."""
    return "<unknown>" if then is None else human_duration(now - then)


def _whole_seconds(span: timedelta) -> int:
    """Go truncates towards zero."""
    return int(span.total_seconds())


# (below how many seconds, unit, its letter, the smaller unit, its letter)
_STEPS: Final = (
    (2 * _MINUTE, 1, "s", 0, ""),
    (10 * _MINUTE, _MINUTE, "m", 1, "s"),
    (3 * _HOUR, _MINUTE, "m", 0, ""),
    (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
    (2 * _DAY, _HOUR, "h", 0, ""),
    (8 * _DAY, _DAY, "d", _HOUR, "h"),
    (2 * _YEAR, _DAY, "d", 0, ""),
    (8 * _YEAR, _YEAR, "y", _DAY, "d"),
)
