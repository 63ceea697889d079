"""What a mutation makes of an object: an apply configuration merged into it, or a JSON patch.

Upstream: `apiserver/pkg/admission/plugin/policy/mutating/patch` (smd, json_patch),
`apiserver/pkg/cel/mutation/dynamic`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k8slite.apiserver.admission.expression_variables import Broken
from k8slite.apiserver.patches import json_patch
from k8slite.objects.cel.values import EvaluationFailed, Made, plain
from k8slite.objects.errors import ApiError
from k8slite.objects.field_comparison import shape_of
from k8slite.objects.field_merge import merged
from k8slite.objects.fields import quoted
from k8slite.objects.schema import Schema

Json = dict[str, Any]


def applied(made: Any, obj: Json, schema: Schema | None) -> Json:
    """An object with what an expression has written out merged into it. Raises Broken."""
    wrong = list(_misnamed(made, made.name))
    if wrong:
        raise Broken("type mismatch: " + "\n".join(wrong))
    config = _json(made)
    config["apiVersion"], config["kind"] = obj["apiVersion"], obj["kind"]
    unknown = list(_undeclared(config, schema, ""))
    if unknown:
        raise Broken(
            "error applying patch: failed to convert patch object to typed object: "
            + "\n".join(f"{path}: field not declared in schema" for path in unknown)
        )
    atomic = list(_atomics(config, schema, ""))
    if atomic:
        raise Broken(
            "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps "
            f"or structs: {', '.join(atomic)}"
        )
    found: Json = merged(obj, config, schema)
    return found


def patched(operations: list[Any], obj: Json) -> Json:
    """An object after a JSON patch; where a test in it fails, as it was. Raises Broken."""
    found = obj
    for operation in operations:
        one = _operation(operation)
        try:
            found = json_patch.apply([one], found)
        except ApiError as error:
            if one.get("op") == "test":
                return obj
            raise Broken(f"JSONPath: {error.message}") from None
    return found


def _operation(made: Any) -> Json:
    if not isinstance(made, Made):
        raise Broken(
            "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch"
        )
    found: Json = {"op": made.fields.get("op", ""), "path": made.fields.get("path", "")}
    if made.fields.get("from"):
        found["from"] = made.fields["from"]
    if "value" in made.fields:
        value = made.fields["value"]
        if isinstance(value, Made):
            wrong = list(_misnamed(value, value.name))
            if wrong:
                raise Broken("type mismatch: " + "\n".join(wrong))
        found["value"] = _json(value)
    return found


def _json(value: Any) -> Any:
    try:
        return plain(value)
    except EvaluationFailed as error:
        raise Broken(str(error)) from None


def _misnamed(value: Any, name: str) -> Iterator[str]:
    """Objects whose types are not named by where they are: Object.spec{x: Object.other{}}."""
    if isinstance(value, Made):
        if value.name != name:
            yield (
                f"unexpected type name {quoted(value.name)}, expected {quoted(name)}, which "
                "matches field name path from root Object type"
            )
        for field, inner in value.fields.items():
            yield from _misnamed(inner, f"{name}.{field}")
    elif isinstance(value, list):
        for one in value:
            yield from _misnamed(one, name)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _misnamed(one, name)


def _undeclared(value: Any, schema: Schema | None, path: str) -> Iterator[str]:
    if schema is None:
        return
    if isinstance(value, dict) and schema.shape in ("struct", "map"):
        for name, inner in value.items():
            below = schema.field(name)
            if below is None:
                yield f"{path}.{name}"
            else:
                yield from _undeclared(inner, below, f"{path}.{name}")
    elif isinstance(value, list) and schema.shape == "list":
        for number, one in enumerate(value):
            yield from _undeclared(one, schema.element, f"{path}[{number}]")


def _atomics(value: Any, schema: Schema | None, path: str) -> Iterator[str]:
    """Where a value would take the place of all that was there."""
    if schema is None or not isinstance(value, dict | list) or schema.shape == "any":
        return
    if shape_of(schema, value) == "leaf":
        yield path
    if isinstance(value, dict) and schema.shape in ("struct", "map"):
        for name, inner in value.items():
            yield from _atomics(inner, schema.field(name), f"{path}.{name}")
    elif isinstance(value, list) and schema.shape == "list":
        for number, one in enumerate(value):
            yield from _atomics(one, schema.element, f"{path}[{number}]")
