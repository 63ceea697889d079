"""The paths of jq that KWOK's selectors are made of (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final


def parts(text: str) -> list[str]:
    """`.a["b"].c[].d` as a, b, c, [], d. Raises ValueError for what is more than a path."""
    found, at = list[str](), 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise ValueError(f"{text!r} is not a path such as .status.phase or .a[].b")
        found.append(part["plain"] or part["quoted"] or "[]")
        at = part.end()
    if not found:
        raise ValueError("a path is empty")
    return found


def values(value: Any, path: Sequence[str]) -> list[Any]:
    """What is found at a path; nothing for null."""
    found = [value]
    for part in path:
        if part == "[]":
            found = [one for many in found if isinstance(many, list) for one in many]
        else:
            found = [one.get(part) for one in found if isinstance(one, Mapping)]
    return [one for one in found if one is not None]


def text_of(value: Any) -> str:
    """A value as selectors compare it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


_PART: Final = re.compile(r'\.?\["(?P<quoted>[^"]+)"\]|\.?\[\]|\.(?P<plain>[A-Za-z_][\w]*)')
