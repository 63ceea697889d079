"""Decoders compiled from published schemas: what Go's strict JSON decoder does, in place.

    complaints = decoder(schema)(obj)

Order of work, in one pass over the object, in the order of its text:
    1. a field that the type does not have is removed, its path remembered;
    2. a null is an absent field; inside lists and maps it is the type's zero;
    3. a value of another JSON type ends the whole with `Undecodable`;
    4. quantities, times and base64 become canonical;
    5. an optional list or map without content is left out, as Go's `omitempty` does, and so is an
       optional "", 0 or false, but where the type has a pointer for it.

Upstream: `sigs.k8s.io/json` (case-sensitive, strict) on the types of `k8s.io/api`. A type's
decoder is built when its first value comes by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from k8slite.objects import schema_scalars as scalars
from k8slite.objects.protobuf_messages import message
from k8slite.objects.schema import Schema, Undecodable
from k8slite.objects.schema_scalars import Wrong, mismatch

Json = dict[str, Any]
# Looks into a dict or list in place; the paths of what it did not know, or None.
Descend = Callable[[Any], list[str] | None]
# Reads one value and answers it as it is to be.
Read = Callable[[Any], Any]
# What a field must be, how to go on with it, and whether it is left out when empty. A type of
# None stands for a Read, anything else for a Descend (or None: nothing more to look at).
Entry = tuple[type | None, Any, bool]


def decoder(schema: Schema) -> Callable[[Json], list[str]]:
    """The decoder of a definition: object in, complaints about unknown fields out."""
    descend = _descend(schema)

    def decode(obj: Json) -> list[str]:
        try:
            found = descend(obj)
        except Wrong as wrong:
            raise Undecodable(wrong.text()) from None
        except RecursionError:
            # Go's decoder has a limit too, a higher one; no object of a sane mind comes near.
            raise Undecodable("exceeded max depth") from None
        return [f'unknown field "{path.removeprefix(".")}"' for path in found or ()]

    return decode


def _entry(schema: Schema, optional: bool, zeros_go: bool = False) -> Entry:
    """How a field of this type is treated; `zeros_go` says that its zero is no value."""
    special = _READERS.get(schema.name)
    if special is not None:
        return None, special(schema), False
    shape = schema.shape
    if shape == "any":
        return None, _any, False
    if shape == "list":
        return list, _list(schema), optional
    if shape == "map":
        return dict, _map(schema), optional
    if shape == "struct":
        return dict, _lazy(schema), False
    if schema.type == "boolean":
        return bool, None, zeros_go
    if schema.type == "string" and schema.format not in ("byte", "date-time"):
        return str, None, zeros_go
    return None, _reader(schema), zeros_go


def _descend(schema: Schema) -> Descend:
    """The loop over a struct's fields."""
    table: dict[str, Entry | None] = dict.fromkeys(schema.field_names())
    get = table.get
    struct = _go_name(schema).rpartition(".")[2]
    zeros = _zeros(schema.name)

    def descend(obj: Json) -> list[str] | None:
        unknown: list[str] | None = None
        dropped: list[str] | None = None
        for key, value in obj.items():
            entry = get(key)
            if entry is None:
                if key not in table:
                    dropped = [*(dropped or ()), key]
                    unknown = [*(unknown or ()), f".{key}"]
                    continue
                field = schema.field(key)
                assert field is not None
                entry = table[key] = _entry(field, key not in schema.required, key in zeros)
            expected, go_on, omitted = entry
            try:
                if type(value) is expected:
                    if omitted and not value:
                        dropped = [*(dropped or ()), key]
                        continue
                    if go_on is None:
                        continue
                    found = go_on(value)
                    if found:
                        unknown = (unknown or []) + [f".{key}{path}" for path in found]
                elif value is None:
                    dropped = [*(dropped or ()), key]
                elif expected is None:
                    read = go_on(value)
                    if omitted and not read:
                        dropped = [*(dropped or ()), key]
                    elif read is not value:
                        obj[key] = read
                else:
                    field = schema.field(key)
                    assert field is not None
                    raise mismatch(value, _go_name(field))
            except Wrong as wrong:
                wrong.path.append(key)
                wrong.struct = wrong.struct or struct
                raise
        if dropped:
            for key in dropped:
                del obj[key]
        return unknown

    return descend


def _zeros(definition: str) -> frozenset[str]:
    """The fields of a definition whose zero Go leaves out: `omitempty`, and no pointer."""
    *_, group, version, name = ("", "", *definition.split("."))
    described = message(f"{group}/{version}.{name}")
    found: set[str] = set()
    parts = [described] if described is not None else []
    while parts:
        for field in parts.pop().fields:
            if not field.name:
                parts.append(field.type)
            elif not field.label and not field.kept and not field.type.is_struct:
                found.add(field.name)
    return frozenset(found)


def _lazy(schema: Schema) -> Descend:
    """A struct's loop, built at its first value: types may contain themselves."""
    if schema.name:
        schema = schema.named(schema.name)
    built: list[Descend] = []

    def descend(obj: Json) -> list[str] | None:
        if not built:
            built.append(_descend_of(schema))
        return built[0](obj)

    return descend


def _descend_of(schema: Schema) -> Descend:
    """The one loop of a definition, however many fields are of its type."""
    if schema.compiled is None:
        schema.compiled = _descend(schema)
    found: Descend = schema.compiled
    return found


def _list(schema: Schema) -> Descend:
    element = schema.element
    expected, go_on, _ = _entry(element, False)
    zero = _zero(element)

    def plain(items: list[Any]) -> None:
        for i, item in enumerate(items):
            if type(item) is not expected:
                if item is not None:
                    raise mismatch(item, _go_name(element))
                items[i] = zero

    def read(items: list[Any]) -> None:
        for i, item in enumerate(items):
            items[i] = go_on(item) if item is not None else zero

    def descend(items: list[Any]) -> list[str] | None:
        unknown: list[str] | None = None
        for i, item in enumerate(items):
            if type(item) is not expected:
                if item is not None:
                    raise mismatch(item, _go_name(element))
                items[i] = type(zero)()
                continue
            found = go_on(item)
            if found:
                unknown = (unknown or []) + [f"[{i}]{path}" for path in found]
        return unknown

    if expected is None:
        return read
    return plain if go_on is None else descend


def _map(schema: Schema) -> Descend:
    element = schema.element
    expected, go_on, _ = _entry(element, False)
    zero = _zero(element)

    def plain(items: Json) -> None:
        for key, item in items.items():
            if type(item) is not expected:
                if item is not None:
                    raise mismatch(item, _go_name(element))
                items[key] = zero

    def read(items: Json) -> None:
        for key, item in items.items():
            items[key] = go_on(item) if item is not None else zero

    def descend(items: Json) -> list[str] | None:
        unknown: list[str] | None = None
        for key, item in items.items():
            if type(item) is not expected:
                if item is not None:
                    raise mismatch(item, _go_name(element))
                items[key] = type(zero)()
                continue
            found = go_on(item)
            if found:
                unknown = (unknown or []) + [f".{key}{path}" for path in found]
        return unknown

    if expected is None:
        return read
    return plain if go_on is None else descend


def _reader(schema: Schema) -> Read:
    """The reader of a scalar that is more than its JSON type."""
    if schema.type == "integer":
        bits = 32 if schema.format == "int32" else 64
        return scalars.read_integer(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, f"int{bits}")
    if schema.type == "number":
        return scalars.read_number
    assert schema.format == "byte", schema
    return scalars.read_bytes


def _zero(schema: Schema) -> Any:
    """What a null is in a list or map of this type."""
    if schema.name == _QUANTITY:
        return "0"
    return {"list": [], "map": {}, "struct": {}, "any": None}.get(
        schema.shape, {"integer": 0, "number": 0, "boolean": False}.get(schema.type, "")
    )


def _go_name(schema: Schema) -> str:
    """The type's name in Go, as far as the schema tells: named strings are told as string."""
    if schema.name:
        *_, package, name = schema.name.split(".")
        return f"{package}.{name}"
    if schema.shape == "list":
        return f"[]{_go_name(schema.element)}"
    if schema.shape == "map":
        return f"map[string]{_go_name(schema.element)}"
    if schema.type == "integer":
        return schema.format or "int64"
    return {"boolean": "bool", "number": "float64"}.get(schema.type, "string")


def _any(value: Any) -> Any:
    return value


def _always(read: Read) -> Callable[[Schema], Read]:
    return lambda _schema: read


def _props(schema: Schema) -> Descend:
    # The Go types below decode what is in them on their own, and not strictly.
    return _descend_of(schema.named(f"{_EXTENSIONS}JSONSchemaProps"))


def _props_or_bool(schema: Schema) -> Read:
    def read(value: Any) -> Any:
        if type(value) is dict:
            _props(schema)(value)
        elif type(value) is not bool:
            raise Wrong("boolean or JSON schema expected")
        return value

    return read


def _props_or_list(schema: Schema) -> Read:
    def read(value: Any) -> Any:
        if type(value) is dict:
            _props(schema)(value)
        elif type(value) is list:
            for item in value:
                if type(item) is not dict:
                    raise mismatch(item, "apiextensions.v1.JSONSchemaProps")
                _props(schema)(item)
        return value

    return read


def _props_or_names(schema: Schema) -> Read:
    def read(value: Any) -> Any:
        if type(value) is dict:
            _props(schema)(value)
        elif type(value) is list:
            for item in value:
                if type(item) is not str:
                    raise mismatch(item, "string")
        return value

    return read


_EXTENSIONS: Final = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
_QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_READERS: Final[dict[str, Callable[[Schema], Read]]] = {
    _QUANTITY: _always(scalars.read_quantity),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": _always(scalars.read_int_or_string),
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": _always(scalars.read_time),
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": _always(scalars.read_micro_time),
    f"{_EXTENSIONS}JSONSchemaPropsOrBool": _props_or_bool,
    f"{_EXTENSIONS}JSONSchemaPropsOrArray": _props_or_list,
    f"{_EXTENSIONS}JSONSchemaPropsOrStringArray": _props_or_names,
}
