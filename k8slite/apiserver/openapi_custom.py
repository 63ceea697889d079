"""Schemas of custom resources in the form of OpenAPI v2, which can say less than v3.

kubectl refuses what a v2 schema does not name, and cannot read a field of several types; so what
allows unknown fields or nothing at all has no fields here, and what may be null has no type
(upstream: `controller/openapi/v2` and `builder.buildKubeNative` of the apiextensions server).
"""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]


def custom_as_v2(schema: Json) -> Json:
    """The definition of a custom kind, given that of v3 with the references of v2."""
    if schema.get(_OPEN):
        # Not even the fields of every object are named: the others would be refused.
        return {"type": "object", _GROUP_VERSION_KIND: schema[_GROUP_VERSION_KIND]}
    return _part(schema)


def _part(schema: Json) -> Json:
    found = {key: value for key, value in schema.items() if key not in _LACKING}
    if schema.get("nullable"):
        del found["nullable"]
        found.pop("type", None)
    if schema.get("nullable") or schema.get(_OPEN):
        found.pop("items", None)
        found.pop("properties", None)
    if found.get("type") == "array" and "items" not in found:
        del found["type"]
    if schema.get(_OPEN) and found.get("type") == "object":
        del found["type"]
    required = _required(schema)
    if required:
        found["required"] = required
    else:
        found.pop("required", None)
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = _part(found[key])
    if "properties" in found:
        found["properties"] = {name: _part(one) for name, one in found["properties"].items()}
    return found


def _required(schema: Json) -> list[str]:
    """The fields that must be there, but for those that may be null."""
    values = schema.get("additionalProperties")
    if isinstance(values, dict) and values.get("nullable"):
        return []
    fields = schema.get("properties") or {}
    return [
        name for name in schema.get("required") or () if not fields.get(name, {}).get("nullable")
    ]


_OPEN: Final = "x-kubernetes-preserve-unknown-fields"
_GROUP_VERSION_KIND: Final = "x-kubernetes-group-version-kind"
_LACKING: Final = ("allOf", "anyOf", "oneOf", "not", "x-kubernetes-selectable-fields")
