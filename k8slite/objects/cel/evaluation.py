"""From a checked tree to a closure that gives the value and counts what it costs.

Upstream: `cel-go/interpreter` and `interpreter/runtimecost.go`: one for every variable, field, call
and comparison; more for what grows with its arguments (`costs`), and for what is written out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from k8slite.objects.cel.calls import plan_call
from k8slite.objects.cel.checker import Checked
from k8slite.objects.cel.frame import (
    LIST_COST,
    MAP_COST,
    NO_OVERLOAD,
    OBJECT_COST,
    Frame,
    Lazy,
    Run,
)
from k8slite.objects.cel.library import TYPES
from k8slite.objects.cel.lists import at_or_none
from k8slite.objects.cel.loops import plan_loop
from k8slite.objects.cel.tree import (
    Call,
    Comprehension,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Node,
    ObjectOf,
    Select,
)
from k8slite.objects.cel.values import EvaluationFailed, Made, Optional, UInt, has_key


def plan(checked: Checked, node: Node) -> Run:
    """What gives the value of one place."""
    return _PLANS[type(node)](checked, node)


def _literal(_checked: Checked, node: Literal) -> Run:
    value = node.value
    return lambda _frame: value


def _named(name: str) -> Run:
    def run(frame: Frame) -> Any:
        frame.cost += 1
        try:
            value = frame.variables[name]
        except KeyError:
            raise EvaluationFailed(f"no such attribute(s): {name}") from None
        return value() if type(value) is Lazy else value

    return run


def _ident(checked: Checked, node: Ident) -> Run:
    name = checked.variables.get(node)
    if name is not None and name not in checked.used:
        type_ = checked.types[node].parameters[0]
        return lambda _frame: type_
    return _named(name or node.name)


def _select(checked: Checked, node: Select) -> Run:
    name = checked.variables.get(node)
    if name is not None:
        if name in checked.used:
            return _named(name)
        type_ = TYPES.get(name) or checked.types[node].parameters[0]
        return lambda _frame: type_
    operand, field = plan(checked, node.operand), node.field
    if node.test:
        return lambda frame: _has(operand(frame), field)

    def run(frame: Frame) -> Any:
        value = operand(frame)
        frame.cost += 1
        if type(value) is dict:
            try:
                found = value[field]
            except KeyError:
                raise EvaluationFailed(f"no such key: {field}") from None
            return found() if type(found) is Lazy else found
        return _field(value, field)

    return run


def _field(value: Any, field: str) -> Any:
    if isinstance(value, Optional):
        return at_or_none(value, field)
    if isinstance(value, Made):
        value = value.fields
    if not isinstance(value, dict):
        raise EvaluationFailed(NO_OVERLOAD)
    if not has_key(value, field):
        raise EvaluationFailed(f"no such key: {field}")
    return value[field]


def _has(value: Any, field: str) -> bool:
    if isinstance(value, Optional):
        return at_or_none(value, field).is_there
    if isinstance(value, Made):
        value = value.fields
    if not isinstance(value, dict):
        raise EvaluationFailed(NO_OVERLOAD)
    return has_key(value, field)


def _call(checked: Checked, node: Call) -> Run:
    return plan_call(partial(plan, checked), checked, node)


def _loop(checked: Checked, node: Comprehension) -> Run:
    return plan_loop(partial(plan, checked), node)


def _elements(values: Iterable[tuple[Run, bool]], frame: Frame) -> list[Any]:
    found = []
    for value, is_optional in values:
        one = value(frame)
        if is_optional:
            if not isinstance(one, Optional):
                raise EvaluationFailed(NO_OVERLOAD)
            if not one.is_there:
                continue
            one = one.value
        found.append(one)
    return found


def _list(checked: Checked, node: ListOf) -> Run:
    values = [(plan(checked, one.value), one.optional) for one in node.elements]

    def run(frame: Frame) -> Any:
        found = _elements(values, frame)
        frame.pay(LIST_COST)
        return found

    return run


def _map(checked: Checked, node: MapOf) -> Run:
    entries = [
        (plan(checked, one.key), [(plan(checked, one.value), one.optional)]) for one in node.entries
    ]

    def run(frame: Frame) -> Any:
        found: dict[Any, Any] = {}
        for key, value in entries:
            name = key(frame)
            if type(name) not in (str, int, bool, UInt):
                raise EvaluationFailed("unsupported key type")
            for one in _elements(value, frame):
                if name in found:
                    raise EvaluationFailed(f"Failed with repeated key: {name}")
                found[name] = one
        frame.pay(MAP_COST)
        return found

    return run


def _object(checked: Checked, node: ObjectOf) -> Run:
    fields = [(one.name, [(plan(checked, one.value), one.optional)]) for one in node.fields]
    name = node.name.removeprefix(".")

    def run(frame: Frame) -> Any:
        found: dict[str, Any] = {}
        for field, value in fields:
            for one in _elements(value, frame):
                found[field] = one
        frame.pay(OBJECT_COST)
        return Made(name, found)

    return run


_PLANS: Final[dict[type, Callable[[Checked, Any], Run]]] = {
    Literal: _literal,
    Ident: _ident,
    Select: _select,
    Call: _call,
    ListOf: _list,
    MapOf: _map,
    ObjectOf: _object,
    Comprehension: _loop,
}
