"""Fields that come twice in a JSON text, which a decoded object no longer shows.

Upstream reports them as errors or warnings, by field validation. Nearly all texts have none,
and that is found out by counting: every key is followed by a colon.
"""

from __future__ import annotations

import json
from typing import Any, Final

import orjson


def duplicate_fields(body: bytes, decoded: Any = None) -> list[str]:
    """Complaints about the fields that come twice: `duplicate field "spec.x"`, in order.

    `decoded` is what the body holds, from which nothing has been removed yet; without it the
    body is decoded once more. The body must be valid JSON.
    """
    if not _is_suspect(body):
        if decoded is None:
            decoded = orjson.loads(body)
        if _colons(body) == _keys(decoded):
            return []
    found: dict[str, None] = {}
    _collect(json.loads(body, object_pairs_hook=_Pairs), "", found)
    return [f'duplicate field "{path}"' for path in found]


class _Pairs(dict[str, Any]):
    """An object, and which of its keys came more than once."""

    __slots__ = ("twice",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.twice: list[str] = []
        if len(self) < len(pairs):
            seen: dict[str, None] = {}
            for key, _ in pairs:
                if key in seen:
                    self.twice.append(key)
                seen[key] = None


def _is_suspect(body: bytes) -> bool:
    """Whether counting could miss a key: white space before a colon, a backslash at its end."""
    return any(pattern in body for pattern in _SUSPECT)


def _colons(body: bytes) -> int:
    # A quote inside a string is escaped, so a colon after it ends no key. A string that starts
    # with a colon is counted too many, which only costs the longer way.
    return body.count(b'":') - body.count(b'\\":')


def _keys(value: Any) -> int:
    count = 0
    if type(value) is dict:
        count = len(value)
        for item in value.values():
            if type(item) is dict or type(item) is list:
                count += _keys(item)
    elif type(value) is list:
        for item in value:
            if type(item) is dict or type(item) is list:
                count += _keys(item)
    return count


def _collect(value: Any, path: str, found: dict[str, None]) -> None:
    if isinstance(value, _Pairs):
        for key in value.twice:
            found[f"{path}.{key}" if path else key] = None
        for key, item in value.items():
            _collect(item, f"{path}.{key}" if path else key, found)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _collect(item, f"{path}[{i}]", found)


_SUSPECT: Final = (b" :", b"\t:", b"\n:", b"\r:", b'\\\\"')
