"""Which fields an object has, and which differ between two of them, as managers own them. Pure.

Lists are compared item by item where their type says by which keys, structs and maps field by
field; what is atomic, and what nobody describes, is one field. Upstream:
`structured-merge-diff/typed` (tofieldset, compare).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from k8slite.objects.fieldsets import FieldSet, key_step, minus_below, value_step, with_way
from k8slite.objects.schema import Schema

Json = dict[str, Any]

_ABSENT: Final = object()
# Keys of lists that may be left out where an object was not filled in yet.
_KEY_DEFAULTS: Final[Mapping[str, Any]] = {"protocol": "TCP"}


@define
class Comparison:
    """What differs between an old object and a new one."""

    added: FieldSet = field(factory=dict)
    removed: FieldSet = field(factory=dict)
    modified: FieldSet = field(factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.modified)

    def beside(self, ignored: FieldSet | None) -> Comparison:
        """Without what is ignored, and all that is below."""
        if not ignored:
            return self
        parts = (self.added, self.removed, self.modified)
        return Comparison(*(minus_below(part, ignored) if part else part for part in parts))


def fields_of(obj: Any, schema: Schema | None) -> FieldSet:
    """The fields that an object sets: what an applier of it owns (`ToFieldSet`)."""
    found: FieldSet = {}
    shape = shape_of(schema, obj)
    if shape == "leaf":
        return found
    for step, value, below in parts(obj, schema, shape):
        if value is not None and not isinstance(value, dict | list):
            found[step] = {}
            continue
        inner = fields_of(value, below)
        # The fields of a struct are only a way to what is in them; items and keys count themselves.
        counts = (
            shape != "struct" or value is None or value == {} or shape_of(below, value) == "leaf"
        )
        if inner or counts:
            found[step] = with_way(inner) if counts else inner
    return found


def compared(old: Json, new: Json, schema: Schema | None) -> Comparison:
    """What a write has changed (`TypedValue.Compare`)."""
    found = Comparison()
    if old != new:
        _compare(old, new, schema, found.added, found.removed, found.modified)
    return found


def _compare(
    old: Any,
    new: Any,
    schema: Schema | None,
    added: FieldSet,
    removed: FieldSet,
    modified: FieldSet,
) -> bool:
    """Fill in what differs below two values that differ; True where they do so as a whole."""
    shape = shape_of(schema, old if new is None else new)
    if shape == "leaf" or not (old or new):  # nothing and an empty one can be told apart
        return True
    assert schema is not None, "only what is described is looked into"
    before, after = _members(old, schema, shape), _members(new, schema, shape)
    field_of = schema.field if shape in ("struct", "map") else None
    for step, value in after.items():
        known = before.get(step, _ABSENT)
        if known is not _ABSENT and known == value:
            continue
        below = field_of(step[2:]) if field_of is not None else schema.element
        if known is _ABSENT:
            fields = _everything(value, below)
            added[step] = with_way(fields)
            continue
        inner: tuple[FieldSet, FieldSet, FieldSet] = ({}, {}, {})
        if _compare(known, value, below, *inner):
            modified[step] = {}
            continue
        for into, part in zip((added, removed, modified), inner, strict=True):
            if part:
                into[step] = part
    for step, value in before.items():
        if step not in after:
            below = field_of(step[2:]) if field_of is not None else schema.element
            fields = _everything(value, below)
            removed[step] = with_way(fields)
    return False


def _members(value: Any, schema: Schema, shape: str) -> dict[str, Any]:
    """What is in a value, by step; of items with the same keys the last one."""
    if not value:
        return {}
    if shape in ("struct", "map"):
        return {f"f:{name}": inner for name, inner in value.items()}
    step = _by_keys(schema.list_keys) if shape == "keyed" else value_step
    return {step(item): item for item in value}


def _everything(value: Any, schema: Schema | None) -> FieldSet:
    """Every field of something that comes or goes as a whole, the way to each among them."""
    shape = shape_of(schema, value)
    if shape == "leaf" or not value:
        return {}
    assert schema is not None, "only what is described is looked into"
    found: FieldSet = {}
    field_of = schema.field if shape in ("struct", "map") else None
    for step, inner in _members(value, schema, shape).items():
        if isinstance(inner, dict | list):
            fields = _everything(inner, field_of(step[2:]) if field_of else schema.element)
            found[step] = with_way(fields)
        else:
            found[step] = {}
    return found


def duplicates(
    obj: Any, schema: Schema | None, before: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """The lists with items that their keys do not tell apart: path and the step that repeats."""
    shape = shape_of(schema, obj)
    if shape == "leaf":
        return
    met: set[str] = set()
    told: set[str] = set()
    for step, value, below in parts(obj, schema, shape):
        if step in met and step not in told:
            told.add(step)
            yield before, step
        met.add(step)
        if isinstance(value, dict | list):
            yield from duplicates(value, below, (*before, step))


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
