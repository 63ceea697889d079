"""Whether two JSON values are the same: to Python, true is 1 and 1 is 1.0; in JSON they differ."""

from __future__ import annotations

from typing import Any


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of the same types all through."""
    return bool(one == other) and _alike(one, other)


def _alike(one: Any, other: Any) -> bool:
    """Whether two equal values are of the same types."""
    if isinstance(one, dict):
        return all(_alike(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return all(map(_alike, one, other))
    return type(one) is type(other)
