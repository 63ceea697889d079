"""Calls that stand for more than a call: `has`, and loops over lists and maps.

Upstream: `cel-go/parser/macro.go`, `ext/comprehensions.go`, `cel/library.go` (optMap).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from k8slite.objects.cel.tree import (
    RESULT,
    Call,
    Comprehension,
    Element,
    Entry,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Node,
    Select,
)


class MisusedMacro(Exception):
    """A macro that does not get what it needs."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.message = message


def expanded(call: Call, *, binds: bool = False) -> Node:
    """A call, or what it stands for; `binds`: `cel.bind` is one. Raises MisusedMacro."""
    if call.target is None:
        if call.function == "has" and len(call.arguments) == 1:
            return _has(call)
        return call
    if binds and call.function == "bind" and len(call.arguments) == 3:
        return _bind(call, call.target)
    macro = _MACROS.get((call.function, len(call.arguments)))
    return call if macro is None else macro(call, call.target)


def _has(call: Call) -> Node:
    argument = call.arguments[0]
    if not isinstance(argument, Select):
        raise MisusedMacro(argument.at, "invalid argument to has() macro")
    return Select(call.at, argument.operand, argument.field, test=True)


def _name(node: Node, said: str = "argument must be a simple name") -> str:
    if not isinstance(node, Ident) or node.name.startswith("."):
        raise MisusedMacro(node.at, said)
    return node.name


def _variables(call: Call, count: int) -> tuple[str, ...]:
    names = tuple(_name(one) for one in call.arguments[:count])
    if count == 2 and names[0] == names[1]:
        text = f"duplicate iteration variable: {names[1]}"
        raise MisusedMacro(call.arguments[1].at, text)
    return names


def _loop(
    call: Call,
    source: Node,
    count: int,
    initial: Node,
    step: Node,
    *,
    condition: Node | None = None,
    result: Node | None = None,
) -> Node:
    at = call.at
    return Comprehension(
        at,
        _variables(call, count),
        source,
        initial,
        condition or Literal(at, True),
        step,
        result or Ident(at, RESULT),
    )


def _call(at: int, function: str, *arguments: Node) -> Node:
    return Call(at, function, None, arguments)


def _all(count: int) -> _Macro:
    def expand(call: Call, source: Node) -> Node:
        at, result = call.at, Ident(call.at, RESULT)
        condition = _call(at, "@not_strictly_false", Ident(at, RESULT))
        step = _call(at, "_&&_", result, call.arguments[-1])
        return _loop(call, source, count, Literal(at, True), step, condition=condition)

    return expand


def _exists(count: int) -> _Macro:
    def expand(call: Call, source: Node) -> Node:
        at, result = call.at, Ident(call.at, RESULT)
        none_yet = _call(at, "!_", Ident(at, RESULT))
        condition = _call(at, "@not_strictly_false", none_yet)
        step = _call(at, "_||_", result, call.arguments[-1])
        return _loop(call, source, count, Literal(at, False), step, condition=condition)

    return expand


def _exists_one(count: int) -> _Macro:
    def expand(call: Call, source: Node) -> Node:
        at, result = call.at, Ident(call.at, RESULT)
        more = _call(at, "_+_", result, Literal(at, 1))
        step = _call(at, "_?_:_", call.arguments[-1], more, result)
        only = _call(at, "_==_", Ident(at, RESULT), Literal(at, 1))
        return _loop(call, source, count, Literal(at, 0), step, result=only)

    return expand


def _gather(call: Call, step: Node, filter_: Node | None) -> Node:
    if filter_ is None:
        return step
    return _call(call.at, "_?_:_", filter_, step, Ident(call.at, RESULT))


def _list(count: int, *, filtered: bool) -> _Macro:
    """`map` and `transformList`, with or without a filter."""

    def expand(call: Call, source: Node) -> Node:
        at, value = call.at, call.arguments[-1]
        one = ListOf(at, (Element(value.at, value),))
        step = _call(at, "_+_", Ident(at, RESULT), one)
        step = _gather(call, step, call.arguments[-2] if filtered else None)
        return _loop(call, source, count, ListOf(at, ()), step)

    return expand


def _filter(call: Call, source: Node) -> Node:
    at, item = call.at, call.arguments[0]
    _name(item)
    step = _call(at, "_+_", Ident(at, RESULT), ListOf(at, (Element(item.at, item),)))
    return _loop(call, source, 1, ListOf(at, ()), _gather(call, step, call.arguments[-1]))


def _transform_map(*, filtered: bool) -> _Macro:
    def expand(call: Call, source: Node) -> Node:
        at, key = call.at, call.arguments[0]
        _name(key)
        entry = MapOf(at, (Entry(at, key, call.arguments[-1]),))
        step = _call(at, "cel.@mapInsert", Ident(at, RESULT), entry)
        step = _gather(call, step, call.arguments[-2] if filtered else None)
        return _loop(call, source, 2, MapOf(at, ()), step)

    return expand


def _transform_entry(*, filtered: bool) -> _Macro:
    def expand(call: Call, source: Node) -> Node:
        at = call.at
        step = _call(at, "cel.@mapInsert", Ident(at, RESULT), call.arguments[-1])
        step = _gather(call, step, call.arguments[-2] if filtered else None)
        return _loop(call, source, 2, MapOf(at, ()), step)

    return expand


def _bind(call: Call, target: Node) -> Node:
    if not (isinstance(target, Ident) and target.name == "cel"):
        return call
    said = "cel.bind() variable names must be simple identifiers"
    name, value, result = call.arguments
    return _bound(call.at, _name(name, said), value, result)


def _bound(at: int, name: str, value: Node, result: Node) -> Node:
    """A result in which a name stands for a value: the loop over nothing that says so."""
    never, nothing = Literal(at, False), ListOf(at, ())
    return Comprehension(at, ("#unused",), nothing, value, never, Ident(at, name), result, name)


def _opt_map(*, flat: bool) -> _Macro:
    def expand(call: Call, target: Node) -> Node:
        at = call.at
        name = _name(call.arguments[0], "optMap() variable name must be a simple identifier")
        bound = _bound(at, name, Call(at, "value", target, ()), call.arguments[1])
        inner = bound if flat else _call(at, "optional.of", bound)
        has_one = Call(at, "hasValue", target, ())
        return _call(at, "_?_:_", has_one, inner, _call(at, "optional.none"))

    return expand


_Macro = Callable[[Call, Node], Node]
_MACROS: Final[dict[tuple[str, int], _Macro]] = {
    ("all", 2): _all(1),
    ("all", 3): _all(2),
    ("exists", 2): _exists(1),
    ("exists", 3): _exists(2),
    ("exists_one", 2): _exists_one(1),
    ("exists_one", 3): _exists_one(2),
    ("existsOne", 2): _exists_one(1),
    ("existsOne", 3): _exists_one(2),
    ("map", 2): _list(1, filtered=False),
    ("map", 3): _list(1, filtered=True),
    ("filter", 2): _filter,
    ("transformList", 3): _list(2, filtered=False),
    ("transformList", 4): _list(2, filtered=True),
    ("transformMap", 3): _transform_map(filtered=False),
    ("transformMap", 4): _transform_map(filtered=True),
    ("transformMapEntry", 3): _transform_entry(filtered=False),
    ("transformMapEntry", 4): _transform_entry(filtered=True),
    ("optMap", 2): _opt_map(flat=False),
    ("optFlatMap", 2): _opt_map(flat=True),
}
