"""JSON in and out, and the stored form of an object.

The stored form is the object's JSON without `apiVersion` and `kind`, its resourceVersion always at
the same place, so that neither reading nor listing needs to decode it:

    {"metadata":{"resourceVersion":"17","name":...},"spec":...}

A list item is the stored form as it is (upstream leaves the kind out of items too); a single
object is the kind's prefix plus the stored form without its first brace.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

Json = dict[str, Any]

_HEAD: Final = b'{"metadata":{"resourceVersion":"'


def loads(data: bytes) -> Any:
    """Decode JSON. Raises `orjson.JSONDecodeError`, a ValueError."""
    return orjson.loads(data)


def dumps(value: Any) -> bytes:
    """Encode as compact JSON."""
    return orjson.dumps(value)


def stored_tail(obj: Json) -> bytes:
    """What follows the resourceVersion in an object's stored form; `obj` is left as it is."""
    metadata = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}
    rest = {k: v for k, v in obj.items() if k not in ("metadata", "kind", "apiVersion")}
    inner = orjson.dumps(metadata)
    outer = orjson.dumps(rest)
    head = b'",' + inner[1:] if len(inner) > 2 else b'"}'
    return head + (b"," + outer[1:] if len(outer) > 2 else b"}")


def stored(tail: bytes, revision: int) -> bytes:
    """The stored form, given what `stored_tail` made and the revision of the write."""
    return b"%b%d%b" % (_HEAD, revision, tail)


def restored(value: bytes) -> bytes:
    """What follows the resourceVersion in a stored form: what `stored_tail` made."""
    return value[value.index(b'"', len(_HEAD)) :]


def type_prefix(api_version: str, kind: str) -> bytes:
    """What stands before a stored form, less its first brace, in a single object's JSON."""
    return b'{"kind":%b,"apiVersion":%b,' % (orjson.dumps(kind), orjson.dumps(api_version))
