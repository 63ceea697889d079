"""An object that an applier wants, put into the one that there is; and fields taken out. Pure.

Upstream: `structured-merge-diff/typed` (merge, remove).
"""

from __future__ import annotations

from typing import Any

from k8slite.objects.field_comparison import parts, shape_of
from k8slite.objects.fieldsets import MEMBER, FieldSet
from k8slite.objects.schema import Schema

Json = dict[str, Any]


def merged(live: Any, applied: Any, schema: Schema | None) -> Any:
    """What there is with what is applied in it: items by their keys, the applier's order."""
    if live is None or applied is None:
        return live if applied is None else applied
    if live == applied:
        return live
    shape = shape_of(schema, applied)
    if shape == "leaf" or shape_of(schema, live) != shape:
        return applied
    # Keys of a live list may repeat: it was not applied.
    before: dict[str, list[Any]] = {}
    for step, value, _ in parts(live, schema, shape):
        before.setdefault(step, []).append(value)
    after = {step: (value, below) for step, value, below in parts(applied, schema, shape)}

    def both(step: str) -> Any:
        value, below = after[step]
        there = before.get(step, ())
        return merged(there[0], value, below) if len(there) == 1 else value

    if shape in ("struct", "map"):
        kept = {step: value for step, [value] in before.items()}
        return {
            step.removeprefix("f:"): value
            for step, value in {**kept, **{step: both(step) for step in after}}.items()
        }
    return [
        item
        for step in _order(list(before), list(after))
        for item in ([both(step)] if step in after else before[step])
    ]


def without(obj: Any, fields: FieldSet, schema: Schema | None) -> Any:
    """An object without the fields of a set; None where nothing is left."""
    shape = shape_of(schema, obj)
    if shape == "leaf" or not obj:
        return obj
    kept: list[tuple[str, Any]] = []
    for step, value, below in parts(obj, schema, shape):
        after = fields.get(step)
        if after is None:
            kept.append((step, value))
        elif after and MEMBER not in after:
            kept.append((step, without(value, after, below)))
    if not kept:
        return None
    if shape in ("struct", "map"):
        return {step.removeprefix("f:"): value for step, value in kept if value is not None}
    return [value for _, value in kept]


def with_named(fields: FieldSet, schema: Schema | None) -> FieldSet:
    """A set that has the struct fields on the way to its paths too
    (`EnsureNamedFieldsAreMembers`)."""
    found: FieldSet = {}
    for step, after in fields.items():
        if step == MEMBER:
            continue
        below = _type_of(step, schema)
        inner = with_named(after, below)
        is_named = step.startswith("f:") and schema is not None and schema.shape == "struct"
        if not inner:
            found[step] = {}
        elif MEMBER in after or (is_named and below is not None):
            found[step] = {MEMBER: {}, **inner}
        else:
            found[step] = inner
    return found


def _type_of(step: str, schema: Schema | None) -> Schema | None:
    if schema is None:
        return None
    if step.startswith("f:"):
        return schema.field(step[2:]) if schema.shape in ("struct", "map") else None
    return schema.element if schema.shape == "list" else None


def _order(live: list[str], applied: list[str]) -> list[str]:
    """The items of both lists: the applier's in its order, the others where they were.

    Upstream: `mergingWalker.visitListItems`.
    """
    wanted, there = set(applied), set(live)
    shared = [step for step in applied if step in there]
    found: list[str] = []
    done: set[str] = set()
    next_shared = 0
    left = right = 0
    while left < len(live) or right < len(applied):
        if left < len(live) and right < len(applied):
            step = live[left]
            if step == applied[right]:
                found.append(step)
                done.add(step)
                left, right, next_shared = left + 1, right + 1, next_shared + 1
                continue
            if step in wanted and next_shared < len(shared) and shared[next_shared] != step:
                left += 1  # shared, but another one's turn
                continue
        if left < len(live):
            step = live[left]
            if step not in wanted:
                found.append(step)
                left += 1
                continue
            if step in done:
                left += 1
        if right < len(applied):
            step = applied[right]
            if step not in done:
                found.append(step)
            done.add(step)
            right += 1
            if next_shared < len(shared) and shared[next_shared] == step:
                next_shared += 1
    return found
