"""Expressions of configuration files: over claims, over a user, over a question of access.

Mirrors `apiserver/pkg/authentication/cel` and `pkg/authorization/cel`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from attrs import fields, frozen, has

from k8slite.objects.cel.environment import Environment, Expression, Uncompilable
from k8slite.objects.cel.tree import Call, Ident, Literal, Node, Select
from k8slite.objects.cel.types import DYN, STRING, Type, list_of, map_of

_TEXTS: Final = list_of(STRING)
_USER_INFO: Final = Type(
    "kubernetes.UserInfo",
    fields={
        "username": STRING,
        "uid": STRING,
        "groups": _TEXTS,
        "extra": map_of(STRING, _TEXTS),
    },
)


@frozen(eq=False)
class Wanted:
    """What expressions may name."""

    environment: Environment


CLAIMS: Final = Wanted(Environment({"claims": map_of(STRING, DYN)}))
USER: Final = Wanted(Environment({"user": _USER_INFO}))


def compiled(text: str, wanted: Wanted, *, truth: bool = False) -> Expression | str:
    """An expression, or what is wrong with it; `truth`: its value must be one."""
    try:
        found = wanted.environment.compile(text)
    except Uncompilable as error:
        return f"compilation failed: {error}"
    if truth and found.type.name != "bool":
        return "must evaluate to bool"
    return found


def uses(expression: Expression, variable: str, field: str) -> bool:
    """Whether an expression selects that field of a variable, optionally or not."""
    return any(_selects(node, variable, field) for node in _nodes(expression.checked.root))


def _selects(node: Node, variable: str, name: str) -> bool:
    if isinstance(node, Select):
        return node.field == name and _is(node.operand, variable)
    if isinstance(node, Call) and node.function == "_?._" and len(node.arguments) == 2:
        operand, selected = node.arguments
        return _is(operand, variable) and isinstance(selected, Literal) and selected.value == name
    return False


def _is(node: Node, variable: str) -> bool:
    return isinstance(node, Ident) and node.name == variable


def _nodes(root: Any) -> Iterator[Node]:
    left = [root]
    while left:
        one = left.pop()
        if isinstance(one, tuple):
            left += one
        elif isinstance(one, Node):
            yield one
            if has(type(one)):
                left += [getattr(one, attribute.name) for attribute in fields(type(one))]
