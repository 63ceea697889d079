"""Sets of fields, as managedFields hold them (FieldsV1). Pure.

    {"f:data": {".": {}, "f:a": {}}, "f:spec": {"f:ports": {'k:{"port":80}': {...}}}}

A key is one step of a path: `f:` and a field's name, `k:` and the keys of a list's item, `v:` and
an item's value, `i:` and its position. A path is in the set where nothing follows it, or where "."
stands among what follows. The form that is stored is the one that is computed with; nothing here
changes its arguments. Upstream: `structured-merge-diff/fieldpath`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

FieldSet = dict[str, Any]  # from a step to the FieldSet of what follows

MEMBER: Final = "."


def union(one: FieldSet, other: FieldSet) -> FieldSet:
    """What is in one of them."""
    found = dict(one)
    for step, after in other.items():
        known = found.get(step)
        found[step] = after if known is None else _joined(known, after)
    return found


def minus(one: FieldSet, other: FieldSet) -> FieldSet:
    """What is in one and not in the other; of a path that is in both, what follows may stay."""
    found: FieldSet = {}
    for step, after in one.items():
        if step == MEMBER:
            continue
        taken = other.get(step)
        if taken is None:
            found[step] = after
            continue
        left = _node(_is_member(after) and not _is_member(taken), minus(after, taken))
        if left is not None:
            found[step] = left
    return found


def minus_below(one: FieldSet, other: FieldSet) -> FieldSet:
    """What is in one and neither in the other nor below a path of it
    (`RecursiveDifference`)."""
    found: FieldSet = {}
    for step, after in one.items():
        if step == MEMBER:
            continue
        taken = other.get(step)
        if taken is None:
            found[step] = after
        elif not _is_member(taken):
            left = _node(_is_member(after), minus_below(after, taken))
            if left is not None:
                found[step] = left
    return found


def common(one: FieldSet, other: FieldSet) -> FieldSet:
    """What is in both."""
    found: FieldSet = {}
    for step, after in one.items():
        known = other.get(step)
        if step == MEMBER or known is None:
            continue
        both = _node(_is_member(after) and _is_member(known), common(after, known))
        if both is not None:
            found[step] = both
    return found


def with_path(fields: FieldSet, path: tuple[str, ...]) -> FieldSet:
    """A set with one more path."""
    step, *rest = path
    after = fields.get(step)
    if rest:
        below = with_path({} if after is None else _children(after), tuple(rest))
        new = _node(after is not None and _is_member(after), below)
    else:
        new = _node(True, {} if after is None else _children(after))
    return {**fields, step: new}


def contains(fields: FieldSet, path: tuple[str, ...]) -> bool:
    """Whether a path is in a set."""
    for step in path:
        after = fields.get(step)
        if after is None:
            return False
        fields = after
    return _is_member(fields)


def paths(fields: FieldSet, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path of a set, in upstream's order: fields, keys, values, positions; each by name."""
    for step in sorted((step for step in fields if step != MEMBER), key=_order):
        path = (*before, step)
        if _is_member(fields[step]):
            yield path
        yield from paths(fields[step], path)


def in_words(path: tuple[str, ...]) -> str:
    """A path as messages have it: `.spec.containers[name="c"].image`."""
    return "".join(_step_in_words(step) for step in path)


def with_way(fields: FieldSet) -> FieldSet:
    """What follows a step that is in the set itself."""
    return {MEMBER: {}, **fields} if fields else {}


def key_step(keys: Mapping[str, Any]) -> str:
    """The step to the item of a list that has these keys."""
    return "k:" + orjson.dumps(dict(keys), option=orjson.OPT_SORT_KEYS).decode()


def value_step(value: Any) -> str:
    """The step to a list's item by its value."""
    return "v:" + orjson.dumps(value).decode()


def _step_in_words(step: str) -> str:
    kind, _, text = step.partition(":")
    if kind == "f":
        return f".{text}"
    if kind == "k":
        keys = orjson.loads(text)
        return (
            "["
            + ",".join(f"{key}={orjson.dumps(keys[key]).decode()}" for key in sorted(keys))
            + "]"
        )
    return f"[={text}]" if kind == "v" else f"[{text}]"


def _order(step: str) -> tuple[int, str]:
    return "fkvi".index(step[0]), step


def _is_member(after: FieldSet) -> bool:
    return not after or MEMBER in after


def _children(after: FieldSet) -> FieldSet:
    return {step: below for step, below in after.items() if step != MEMBER}


def _node(member: bool, children: FieldSet) -> FieldSet | None:
    """What follows a step; None where there is nothing."""
    if member:
        return with_way(children)
    return children or None


def _joined(one: FieldSet, other: FieldSet) -> FieldSet:
    found = _node(_is_member(one) or _is_member(other), union(_children(one), _children(other)))
    assert found is not None, "neither of them is nothing"
    return found
