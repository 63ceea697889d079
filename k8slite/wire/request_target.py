"""The path and the query of a request, out of its first line and back into one.

As Go's net/url reads them: `+` is a space in a query only, pairs keep their order and their
duplicates, a `;` in a pair makes it invalid and invalid pairs are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote, unquote_plus

from k8slite.wire.refusals import BAD_REQUEST, Refused

Query = tuple[tuple[str, str], ...]

_CACHED_BYTES: Final = 512  # longer targets are rare, and would make the cache large
_CACHED_TARGETS: Final = 1024  # half a megabyte at the most, with the line above
_BROKEN_ESCAPE: Final = re.compile("%(?![0-9a-fA-F]{2})")
_PATH_SAFE: Final = "/:@!$&'()*+,;=~-._"


def split_target(target: bytes) -> tuple[str, Query]:
    """The decoded path and query. Raises Refused (400) for what Go's parser refuses."""
    if len(target) <= _CACHED_BYTES:
        return _split_cached(target)
    return _split(target)


def join_target(prefix: str, path: str, query: Sequence[tuple[str, str]]) -> str:
    """What `split_target` takes apart, for a first line; `prefix` is escaped already."""
    target = prefix + quote(path, safe=_PATH_SAFE)
    if query:
        pairs = (f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in query)
        target += "?" + "&".join(pairs)
    return target or "/"


def _split(target: bytes) -> tuple[str, Query]:
    try:
        text = target.decode()
    except UnicodeDecodeError:
        raise Refused(BAD_REQUEST) from None
    if not text.startswith("/"):
        text = _without_authority(text)
    raw_path, _, raw_query = text.partition("?")
    if "%" in raw_path:
        if _BROKEN_ESCAPE.search(raw_path):
            raise Refused(BAD_REQUEST)
        path = unquote(raw_path)
    else:
        path = raw_path
    return path, _split_query(raw_query) if raw_query else ()


_split_cached = lru_cache(_CACHED_TARGETS)(_split)


def _without_authority(text: str) -> str:
    if text == "*":
        return text
    scheme, mark, rest = text.partition("://")
    if not mark or scheme.lower() not in ("http", "https"):
        raise Refused(BAD_REQUEST)
    authority = re.split("[/?]", rest, maxsplit=1)[0]
    tail = rest[len(authority) :]
    return tail if tail.startswith("/") else "/" + tail


def _split_query(raw: str) -> Query:
    pairs = []
    for part in raw.split("&"):
        if not part or ";" in part:
            continue
        key, _, value = part.partition("=")
        if "%" in part and _BROKEN_ESCAPE.search(part):
            continue
        pairs.append((unquote_plus(key), unquote_plus(value)))
    return tuple(pairs)
