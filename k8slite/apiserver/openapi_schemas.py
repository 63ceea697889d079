"""Published schemas in the form that clients expect of /openapi/v2 and /openapi/v3.

The package that carries the schemas has rewritten them as plain JSON Schema (nulls are allowed,
kinds are fixed by enums); this turns them back into what a Kubernetes API server serves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

from k8slite.objects.schema import Schemas

Json = dict[str, Any]
Version = Literal[2, 3]

REFERENCES: Final[dict[Version, str]] = {2: "#/definitions/", 3: "#/components/schemas/"}

_STORED: Final = "#/$defs/"


def closure(schemas: Schemas, names: Iterable[str]) -> list[str]:
    """The definitions of these names and all that they refer to, sorted."""
    found: dict[str, None] = {}
    waiting = [name for name in names if name in schemas.definitions]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = None
        waiting.extend(_references(schemas.definitions[name]))
    return sorted(found)


def published(schemas: Schemas, name: str, version: Version) -> Json:
    """One definition in the form of OpenAPI v2 or v3."""
    special = _SPECIAL.get((name, version))
    definition = schemas.definitions[name]
    if special is not None:
        described = definition.get("description")
        return {"description": described, **special} if described else dict(special)
    found = _converted(definition, version)
    if "x-kubernetes-group-version-kind" in found:
        for field in ("apiVersion", "kind"):
            found.get("properties", {}).get(field, {}).pop("enum", None)
    return found


def reference(name: str, version: Version) -> Json:
    """A reference to a definition."""
    return {"$ref": REFERENCES[version] + name}


def _references(schema: Any) -> list[str]:
    found: list[str] = []
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            target = one.get("$ref")
            if isinstance(target, str):
                found.append(target.removeprefix(_STORED))
            waiting.extend(value for value in one.values() if isinstance(value, dict | list))
        elif isinstance(one, list):
            waiting.extend(one)
    return found


def _converted(schema: Json, version: Version) -> Json:
    found: Json = {}
    for key, value in schema.items():
        if key == "type" and isinstance(value, list):
            found[key] = next(one for one in value if one != "null")
        elif key == "enum":
            found[key] = [one for one in value if one is not None]
        elif key == "properties":
            found[key] = {name: _converted(one, version) for name, one in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            found[key] = _converted(value, version)
        elif key in ("oneOf", "anyOf", "allOf"):
            found[key] = [_converted(one, version) for one in value]
        elif key == "$ref":
            found[key] = REFERENCES[version] + value.removeprefix(_STORED)
        else:
            found[key] = value
    if version == 3 and "$ref" in found and len(found) > 1:
        # A reference has no siblings in OpenAPI v3.
        return {"allOf": [{"$ref": found.pop("$ref")}], **found}
    return found


_QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING: Final = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_SPECIAL: Final[dict[tuple[str, Version], Json]] = {
    (_QUANTITY, 2): {"type": "string"},
    (_QUANTITY, 3): {"oneOf": [{"type": "string"}, {"type": "number"}]},
    (_INT_OR_STRING, 2): {"format": "int-or-string", "type": "string"},
    (_INT_OR_STRING, 3): {
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
}
