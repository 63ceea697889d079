"""What an object without content looks like, as a watch's bookmarks carry it.

Upstream's bookmark is an object of the watched type that nobody filled in. Go prints `spec` and
`status` all the same, with those fields that are never left out; the published schemas call them
required.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from k8slite.kinds.kind import Json, Kind
from k8slite.kinds.table import is_built_in
from k8slite.objects.schema import Schema, Schemas

# Built-in kinds of a few minor versions; beyond that it is looked up again.
_REMEMBERED: Final = 512

_ZERO: Final[dict[str, Any]] = {"integer": 0, "number": 0, "boolean": False, "string": ""}


def empty_parts(kind: Kind, minor: int) -> Json:
    """`spec` and `status` of an empty object, where the kind has them."""
    if not is_built_in(kind):
        return {}
    return _empty_parts(kind.group, kind.version, kind.kind, kind.definition, minor)


@lru_cache(_REMEMBERED)
def _empty_parts(group: str, version: str, kind: str, named: str, minor: int) -> Json:
    definition = Schemas.load(minor).definition(group, version, kind, name=named)
    found: Json = {}
    for name in ("spec", "status"):
        part = definition.field(name) if definition is not None else None
        if part is not None and part.shape == "struct":
            found[name] = _empty(part)
    return found


def _empty(schema: Schema) -> Json:
    found: Json = {}
    for name in sorted(schema.required):
        field = schema.field(name)
        if field is None:
            continue
        found[name] = _empty(field) if field.shape == "struct" else _ZERO.get(field.type)
    return found
