"""What is wrong with an expression and where, as upstream shows it.

    ERROR: <input>:1:6: undefined field 'x'
     | self.x
     | .....^

Upstream: `cel-go/common/error.go`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

from attrs import frozen

_LIMIT: Final = 100  # complaints that are told; upstream's


@frozen(order=True)
class Complaint:
    """One thing that is wrong."""

    at: int  # offset in the text
    message: str


def told(text: str, complaints: Iterable[Complaint]) -> str:
    """All complaints in order of their places."""
    listed = sorted(complaints)
    found = [_told(text, one) for one in listed[:_LIMIT]]
    if len(listed) > _LIMIT:
        found.append(f"{len(listed) - _LIMIT} more errors were truncated")
    return "\n".join(found)


def _told(text: str, complaint: Complaint) -> str:
    before = text[: complaint.at]
    line = before.count("\n")
    column = complaint.at - (before.rfind("\n") + 1)
    shown = text.split("\n")[line].replace("\t", " ")
    dots = "".join("．" if _is_wide(one) else "." for one in shown[:column])
    mark = "＾" if column < len(shown) and _is_wide(shown[column]) else "^"
    where = f"ERROR: <input>:{line + 1}:{column + 1}: {complaint.message}"
    return f"{where}\n | {shown}\n | {dots}{mark}"


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F")
