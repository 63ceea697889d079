"""A short name for a content, which collides seldom and holds no bad words. Pure.

Upstream: FNV-32a (`ComputeHash`, `HashControllerRevision`) and `rand.SafeEncodeString`; the numbers
differ from upstream's, which hashes Go's own rendering of what is named.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

_FNV_OFFSET: Final = 0x811C9DC5
_FNV_PRIME: Final = 0x01000193
_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"


def name_hash(content: Any, collision_count: int | None) -> str:
    """A name for a JSON value, other after each collision."""
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    if collision_count is not None:
        text += collision_count.to_bytes(8, "little")
    value = _FNV_OFFSET
    for byte in text:
        value = (value ^ byte) * _FNV_PRIME & 0xFFFFFFFF
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in str(value))
