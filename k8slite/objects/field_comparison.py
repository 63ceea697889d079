"""Which fields an object has, and which differ between two of them, as managers own them. Pure.

Lists are compared item by item where their type says by which keys, structs and maps field by
field; what is atomic, and what nobody describes, is one field. Upstream:
`structured-merge-diff/typed` (tofieldset, compare).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from k8slite.objects.fieldsets import FieldSet, key_step, value_step
from k8slite.objects.schema import Schema

_ABSENT: Final = object()
# Keys of lists that may be left out where an object was not filled in yet.
_KEY_DEFAULTS: Final[Mapping[str, Any]] = {"protocol": "TCP"}


@define
class Comparison:
    """What differs between an old object and a new one."""

    added: FieldSet = field(factory=dict)
    removed: FieldSet = field(factory=dict)
    modified: FieldSet = field(factory=dict)


def fields_of(obj: Any, schema: Schema | None) -> FieldSet:
    """The fields that an object sets: what an applier of it owns (`ToFieldSet`)."""
    found: FieldSet = {}
    shape = shape_of(schema, obj)
    if shape == "leaf":
        return found
    for step, value, below in parts(obj, schema, shape):
        inner = fields_of(value, below)
        # The fields of a struct are only a way to what is in them; items and keys count themselves.
        counts = (
            shape != "struct" or value is None or value == {} or shape_of(below, value) == "leaf"
        )
        if inner or counts:
            found[step] = ({".": {}, **inner} if inner else {}) if counts else inner
    return found


def compared(old: Any, new: Any, schema: Schema | None) -> Comparison:
    """What a write has changed (`TypedValue.Compare`)."""
    found = Comparison()
    _compare(old, new, schema, found.added, found.removed, found.modified)
    return found


def _compare(
    old: Any,
    new: Any,
    schema: Schema | None,
    added: FieldSet,
    removed: FieldSet,
    modified: FieldSet,
) -> str:
    """Fill in what differs below; "added", "removed", "modified" or "" of the whole itself."""
    there, comes = old is not _ABSENT, new is not _ABSENT
    sample = new if comes and new is not None else old
    shape = shape_of(schema, sample if sample is not _ABSENT else None)
    if shape != "leaf" and not (_content(old) or _content(new)):
        shape = "leaf"  # so that nothing and an empty one can be told apart
    if shape == "leaf":
        if there and comes:
            return "modified" if old != new else ""
        return "added" if comes else "removed"
    before = {step: (value, below) for step, value, below in _parts_or_none(old, schema, shape)}
    after = {step: (value, below) for step, value, below in _parts_or_none(new, schema, shape)}
    for step in {**before, **after}:
        value, below = before.get(step, (_ABSENT, None))
        changed, type_ = after.get(step, (_ABSENT, below))
        inner: tuple[FieldSet, FieldSet, FieldSet] = ({}, {}, {})
        verdict = _compare(value, changed, type_, *inner)
        for name, into, part in zip(
            ("added", "removed", "modified"), (added, removed, modified), inner, strict=True
        ):
            if verdict == name:
                into[step] = {".": {}, **part} if part else {}
            elif part:
                into[step] = part
    if there and comes:
        return ""
    return "added" if comes else "removed"


def _content(value: Any) -> bool:
    return value is not _ABSENT and bool(value)


def _parts_or_none(
    value: Any, schema: Schema | None, shape: str
) -> Iterator[tuple[str, Any, Schema | None]]:
    return parts(value, schema, shape) if _content(value) else iter(())


def shape_of(schema: Schema | None, value: Any) -> str:
    """How a value is looked into: "struct", "map", "keyed", "set", or "leaf" for not at all."""
    if schema is None:
        return "leaf"
    found: str = schema.shape
    if found in ("struct", "map"):
        atomic = schema.map_type == "atomic" or not isinstance(value, dict | None)
        return "leaf" if atomic else found
    if found == "list" and isinstance(value, list | None):
        return {"map": "keyed", "set": "set"}.get(schema.list_type, "leaf")
    return "leaf"


def parts(
    value: Any, schema: Schema | None, shape: str
) -> Iterator[tuple[str, Any, Schema | None]]:
    """The steps from a value to what is in it, with its type."""
    assert schema is not None, "only what is described is looked into"
    if shape in ("struct", "map"):
        for name, inner in (value or {}).items():
            yield f"f:{name}", inner, schema.field(name)
        return
    step = _by_keys(schema.list_keys) if shape == "keyed" else value_step
    for item in value or ():
        yield step(item), item, schema.element


def _by_keys(keys: tuple[str, ...]) -> Callable[[Any], str]:
    def step(item: Any) -> str:
        found = {}
        for key in keys:
            value = item.get(key, _KEY_DEFAULTS.get(key))
            if value is not None:
                found[key] = value
        return key_step(found)

    return step
