"""A time span as Go writes it (1h30m, -1.5s), with the words of Go's `time.ParseDuration`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

SECOND: Final = 10**9  # in nanoseconds
_MOST: Final = 2**63  # what Go has no more room for


def nanoseconds_of(text: str) -> int:
    """The span in nanoseconds, cut off towards zero. Raises ValueError."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0
    total, position = Decimal(0), 0
    while position < len(body) or not body:
        part = _PART.match(body, position)
        if part is None:
            raise ValueError(f'time: invalid duration "{text}"')
        number, unit = part.groups()
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _UNITS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += Decimal(number) * _UNITS[unit]
        position = part.end()
    if total > _MOST - (text[0] != "-"):
        raise ValueError(f'time: invalid duration "{text}"')
    return int(-total if text.startswith("-") else total)


_PART: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([^0-9.]*)")
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
