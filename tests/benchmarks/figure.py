"""A benchmark's outcome: one JSON line on stdout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def show(name: str, value: float, unit: str, goal: float | None, **details: Any) -> None:
    """Print a figure; `goal` is what it should be, None where nothing was set."""
    line = {"name": name, "value": _short(value), "unit": unit, "goal": goal}
    print(json.dumps({**line, **{key: _short(one) for key, one in details.items()}}), flush=True)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent are not above."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return round(value) if abs(value) >= 1000 else round(value, 2)
    return value
