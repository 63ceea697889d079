"""The queries of jq that KWOK's Stages are made of (pure).

    .status.phase      .metadata.labels["a.b/c"]      .spec.containers.[0].name
    .metadata.ownerReferences.[].kind
    .status.conditions.[] | select( .type == "Ready" ) | .status

Paths, and `select` of what equals (or does not equal) a text, a number, true, false or null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson
from attrs import frozen


@frozen
class Select:
    """Of what was found, that whose part at a path is, or is not, a value."""

    path: tuple[str | int, ...]
    value: Any
    equal: bool

    def keeps(self, value: Any) -> bool:
        """Whether a value passes; null is found where there is nothing."""
        found = values(value, self.path) or [None]
        return (found[0] == self.value) is self.equal


Part = str | int | Select


@lru_cache(1024)  # as many expressions as people's Stages have
def parts(text: str) -> tuple[Part, ...]:
    """What a query does, one after the other: names, numbers, "[]" and what is selected.

    Raises ValueError for what is more than that.
    """
    found = list[Part]()
    for piece in _PIPE.split(text):
        select = _SELECT.fullmatch(piece.strip())
        if select is None:
            found += _path(piece.strip(), text)
        else:
            value = orjson.loads(select["value"])
            found.append(Select(_path(select["path"], text), value, select["sign"] == "=="))
    return tuple(found)


def values(value: Any, query: Sequence[Part]) -> list[Any]:
    """What a query finds; nothing for null."""
    found = [value]
    for part in query:
        if part == "[]":
            found = [one for many in found if isinstance(many, list) for one in many]
        elif isinstance(part, Select):
            found = [one for one in found if part.keeps(one)]
        elif isinstance(part, int):
            found = [many[part] for many in found if isinstance(many, list) and part < len(many)]
        else:
            found = [one.get(part) for one in found if isinstance(one, Mapping)]
    return [one for one in found if one is not None]


def text_of(value: Any) -> str:
    """A value as selectors compare it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _path(text: str, whole: str) -> tuple[str | int, ...]:
    found, at = list[str | int](), 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise ValueError(
                f"{whole!r} is not a path such as .status.phase or .a[].b, nor a selection such as "
                '.a.[] | select( .type == "Ready" ) | .status'
            )
        number = part["number"]
        found.append(int(number) if number else part["plain"] or part["quoted"] or "[]")
        at = part.end()
    if not found:
        raise ValueError("a path is empty")
    return tuple(found)


_PART: Final = re.compile(
    r'\.?\["(?P<quoted>[^"]+)"\]|\.?\[(?P<number>\d*)\]|\.(?P<plain>[A-Za-z_]\w*)'
)
_PIPE: Final = re.compile(r'\|(?=(?:[^"]*"[^"]*")*[^"]*$)')  # outside of texts
_SELECT: Final = re.compile(
    r"select\s*\(\s*(?P<path>\.[^\s=!]+)\s*(?P<sign>==|!=)\s*"
    r'(?P<value>"[^"]*"|-?\d+|true|false|null)\s*\)'
)
