"""Calls and operators: which overload is meant, and what is looked at of its arguments.

Upstream: `cel-go/interpreter` (planner, the errors that && and || absorb).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from k8slite.objects.cel.checker import Checked
from k8slite.objects.cel.costs import Price, call_cost
from k8slite.objects.cel.declarations import Overload
from k8slite.objects.cel.frame import NO_OVERLOAD, Frame, Plan, Run, truth
from k8slite.objects.cel.lists import at_or_none
from k8slite.objects.cel.tree import Call, Literal
from k8slite.objects.cel.types import Type
from k8slite.objects.cel.values import EvaluationFailed, Optional, UInt, type_of


def plan_call(plan: Plan, checked: Checked, node: Call) -> Run:
    """What gives the value of a call."""
    special = _SPECIAL.get(node.function)
    if special is not None:
        return special(plan, node)
    targets = () if node.target is None or node in checked.static else (node.target,)
    nodes = (*targets, *node.arguments)
    arguments = [plan(one) for one in nodes]
    overloads = checked.overloads[node]
    is_certain = len(overloads) == 1 and all(
        _certain(wanted, checked.types[one])
        for wanted, one in zip(overloads[0].parameters, nodes, strict=True)
    )
    if not is_certain:
        return _chosen(node.function, overloads, arguments)
    return _direct(node.function, overloads[0], arguments)


def _certain(wanted: Type, found: Type) -> bool:
    return wanted.is_parameter or wanted.name == "dyn" or wanted.name == found.name


def _direct(function: str, overload: Overload, arguments: list[Run]) -> Run:
    """A call of one overload with arguments whose types are known."""
    run, price = overload.run, call_cost(function, overload.id)
    if len(arguments) == 2:
        first, second = arguments

        def run_two(frame: Frame) -> Any:
            one, other = first(frame), second(frame)
            try:
                value = run(one, other)
            except _BROKEN as error:
                raise _failure(error) from None
            frame.pay(1 if price is None else price((one, other), value))
            return value

        return run_two

    def run_all(frame: Frame) -> Any:
        given = [argument(frame) for argument in arguments]
        try:
            value = run(*given)
        except _BROKEN as error:
            raise _failure(error) from None
        frame.pay(1 if price is None else price(given, value))
        return value

    return run_all


def _chosen(function: str, overloads: tuple[Overload, ...], arguments: list[Run]) -> Run:
    """A call whose overload is chosen by the values."""
    known: dict[tuple[type, ...], tuple[Callable[..., Any], Price | None]] = {}

    def choose(given: list[Any]) -> tuple[Callable[..., Any], Price | None]:
        for overload in overloads:
            if all(map(accepts, overload.parameters, given)):
                found = overload.run, call_cost(function, overload.id)
                known[tuple(map(type, given))] = found
                return found
        raise EvaluationFailed(NO_OVERLOAD)

    def run(frame: Frame) -> Any:
        given = [argument(frame) for argument in arguments]
        called, price = known.get(tuple(map(type, given))) or choose(given)
        try:
            value = called(*given)
        except _BROKEN as error:
            raise _failure(error) from None
        frame.pay(1 if price is None else price(given, value))
        return value

    return run


def _failure(error: Exception) -> EvaluationFailed:
    if isinstance(error, ValueError):
        return EvaluationFailed(str(error))
    return EvaluationFailed(NO_OVERLOAD)


def accepts(wanted: Type, value: Any) -> bool:
    """Whether a value can be an argument where this type is taken."""
    name = wanted.name
    if name == "dyn" or wanted.is_parameter:
        return True
    kinds = _KINDS.get(name)
    if kinds is not None:
        return type(value) in kinds or (name in ("list", "map") and isinstance(value, kinds))
    return value is not None and type_of(value).name == name


def _joined(stop: bool) -> Callable[[Plan, Call], Run]:
    """&& and ||: the side that decides does so even where the other one fails."""

    def make(plan: Plan, node: Call) -> Run:
        left, right = (plan(one) for one in node.arguments)

        def run(frame: Frame) -> Any:
            try:
                if truth(left(frame)) is stop:
                    return stop
            except EvaluationFailed:
                if truth(right(frame)) is stop:
                    return stop
                raise
            return truth(right(frame))

        return run

    return make


def _not(plan: Plan, node: Call) -> Run:
    operand = plan(node.arguments[0])

    def run(frame: Frame) -> Any:
        frame.cost += 1
        return not truth(operand(frame))

    return run


def _conditional(plan: Plan, node: Call) -> Run:
    condition, yes, no = (plan(one) for one in node.arguments)
    return lambda frame: yes(frame) if truth(condition(frame)) else no(frame)


def _not_strictly_false(plan: Plan, node: Call) -> Run:
    operand = plan(node.arguments[0])

    def run(frame: Frame) -> Any:
        frame.cost += 1
        try:
            return operand(frame) is not False
        except EvaluationFailed:
            return True

    return run


def _optional_select(plan: Plan, node: Call) -> Run:
    operand = plan(node.arguments[0])
    name = node.arguments[1]
    assert isinstance(name, Literal), "the parser writes the field's name there"
    field = name.value

    def run(frame: Frame) -> Any:
        frame.cost += 1
        try:
            return at_or_none(operand(frame), field)
        except TypeError:
            raise EvaluationFailed(NO_OVERLOAD) from None

    return run


def _or(plan: Plan, node: Call) -> Run:
    """`or` and `orValue`: the alternative is looked at only where it is needed."""
    assert node.target is not None, "they are methods"
    first, second = plan(node.target), plan(node.arguments[0])
    is_value = node.function == "orValue"

    def run(frame: Frame) -> Any:
        found = first(frame)
        frame.cost += 1
        if not isinstance(found, Optional):
            raise EvaluationFailed(NO_OVERLOAD)
        if not found.is_there:
            return second(frame)
        return found.value if is_value else found

    return run


_BROKEN: Final = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "bool": (bool,),
    "int": (int,),
    "uint": (UInt,),
    "double": (float,),
    "string": (str,),
    "bytes": (bytes,),
    "list": (list,),
    "map": (dict,),
    "optional_type": (Optional,),
}
_SPECIAL: Final[dict[str, Callable[[Plan, Call], Run]]] = {
    "_&&_": _joined(False),
    "_||_": _joined(True),
    "!_": _not,
    "_?_:_": _conditional,
    "@not_strictly_false": _not_strictly_false,
    "_?._": _optional_select,
    "or": _or,
    "orValue": _or,
}
