"""The tree of an expression: what `parser` makes, `checker` gives types, `evaluation` runs.

A node is known by its identity. `at` is the offset in the text that complaints point to.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen

# What a comprehension gathers in; no identifier can be written like this.
RESULT: Final = "@result"


@frozen(eq=False)
class Node:
    """One place of an expression."""

    at: int


@frozen(eq=False)
class Literal(Node):
    """A number, text, bytes, truth or null."""

    value: Any


@frozen(eq=False)
class Ident(Node):
    """A variable or a type by its name."""

    name: str


@frozen(eq=False)
class Select(Node):
    """A field; `test`: whether it is there."""

    operand: Node
    field: str
    test: bool = False


@frozen(eq=False)
class Call(Node):
    """A function, an operator (`_+_`) or a method, which has a target."""

    function: str
    target: Node | None
    arguments: tuple[Node, ...]


@frozen(eq=False)
class Element(Node):
    """One of a list; `optional`: left out where the value is none."""

    value: Node
    optional: bool = False


@frozen(eq=False)
class ListOf(Node):
    """A list written out."""

    elements: tuple[Element, ...]


@frozen(eq=False)
class Entry(Node):
    """A key with its value."""

    key: Node
    value: Node
    optional: bool = False


@frozen(eq=False)
class MapOf(Node):
    """A map written out."""

    entries: tuple[Entry, ...]


@frozen(eq=False)
class FieldOf(Node):
    """A field that an object is made with."""

    name: str
    value: Node
    optional: bool = False


@frozen(eq=False)
class ObjectOf(Node):
    """An object written out: Object.spec{replicas: 1}."""

    name: str
    fields: tuple[FieldOf, ...]


@frozen(eq=False)
class Comprehension(Node):
    """A loop: over a list's items or a map's keys, with two variables over both."""

    variables: tuple[str, ...]
    source: Node
    initial: Node
    condition: Node
    step: Node
    result: Node
    gathered: str = RESULT


def qualified(node: Node) -> str:
    """`a.b.c` where a node is only names; "" where it is more."""
    names: list[str] = []
    while isinstance(node, Select) and not node.test:
        names.append(node.field)
        node = node.operand
    if not isinstance(node, Ident):
        return ""
    return ".".join((node.name, *reversed(names)))


def depth_of(root: Node) -> int:
    """How many nodes lie within one another, told without calls in a row."""
    deepest, level = 0, [root]
    while level:
        deepest += 1
        level = [part for node in level for part in _parts(node)]
    return deepest


def has_loops(root: Node) -> bool:
    """Whether anything is done once for each of several things."""
    level = [root]
    while level:
        if any(isinstance(node, Comprehension) for node in level):
            return True
        level = [part for node in level for part in _parts(node)]
    return False


def _parts(node: Node) -> list[Node]:
    if isinstance(node, Select):
        return [node.operand]
    if isinstance(node, Call):
        return [*(() if node.target is None else (node.target,)), *node.arguments]
    if isinstance(node, ListOf):
        return [one.value for one in node.elements]
    if isinstance(node, MapOf):
        return [part for one in node.entries for part in (one.key, one.value)]
    if isinstance(node, ObjectOf):
        return [one.value for one in node.fields]
    if isinstance(node, Comprehension):
        return [node.source, node.initial, node.condition, node.step, node.result]
    return []
