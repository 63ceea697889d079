"""Merge patch (RFC 7386): what is there replaces, a null removes, objects merge.

Lists are replaced as a whole. Nulls inside what is new are left out, at any depth.
"""

from __future__ import annotations

from typing import Any

from k8slite.objects.errors import BadRequest
from k8slite.objects.schema import Schema
from k8slite.objects.schema_scalars import json_kind

Json = dict[str, Any]


def apply(patch: Any, obj: Json, _definition: Schema | None = None) -> Json:
    """The object with the patch merged in. Raises BadRequest where the patch is no object."""
    if not isinstance(patch, dict):
        raise BadRequest(
            f"error decoding patch: json: cannot unmarshal {json_kind(patch)} into Go value of "
            "type map[string]interface {}"
        )
    try:
        return merged(patch, obj)
    except RecursionError:
        raise BadRequest("error decoding patch: exceeded max depth") from None


def merged(patch: Json, obj: Json) -> Json:
    """RFC 7386's MergePatch of two objects."""
    found = dict(obj)
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict):
            old = found.get(key)
            found[key] = merged(value, old if isinstance(old, dict) else {})
        else:
            found[key] = value
    return found
