"""The paths of jq that KWOK's selectors are made of (pure)."""

from __future__ import annotations

import re
from typing import Final


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


_PART: Final = re.compile(r'\.?\["(?P<quoted>[^"]+)"\]|\.?\[\]|\.(?P<plain>[A-Za-z_][\w]*)')
