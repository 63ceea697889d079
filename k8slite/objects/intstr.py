"""Int-or-string values: a port by number or name, a count or a percentage.

Upstream: `apimachinery/pkg/util/intstr`. A string of digits is a name, not a number.
"""

from __future__ import annotations

import re
from typing import Final


def scaled(value: int | str, total: int, *, round_up: bool) -> int:
    """A count as it is, a percentage of `total` rounded as told.

    Raises ValueError where a string is no percentage (upstream:
    `GetScaledValueFromIntOrPercent`).
    """
    if isinstance(value, int):
        return value
    hundredths = percent(value) * total
    return -(-hundredths // 100) if round_up else hundredths // 100


def percent(value: str) -> int:
    """The number before the percent sign. Raises ValueError."""
    if not _PERCENT.fullmatch(value):
        raise ValueError(f"invalid value for IntOrString: invalid type: {_complaint(value)}")
    return int(value[:-1])


def is_percent(value: int | str) -> bool:
    """Whether it is a well-formed percentage."""
    return isinstance(value, str) and _PERCENT.fullmatch(value) is not None


def _complaint(value: str) -> str:
    if value.endswith("%"):
        return f'strconv.Atoi: parsing "{value[:-1]}": invalid syntax'
    return "string is not a percentage"


_PERCENT: Final = re.compile(r"[-+]?[0-9]+%", re.ASCII)
