"""Comprehensions: `all`, `exists`, `map` and the others, round by round.

Upstream: `cel-go/interpreter` (evalFold).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from k8slite.objects.cel.frame import NO_OVERLOAD, Frame, Lazy, Plan, Run, truth
from k8slite.objects.cel.tree import Call, Comprehension, ListOf, Literal, MapOf, Node
from k8slite.objects.cel.values import EvaluationFailed, type_of

Loop = Callable[[Frame, Iterable[tuple[Any, ...]]], None]


def plan_loop(plan: Plan, node: Comprehension) -> Run:
    """What gives the value of a loop."""
    source, initial = plan(node.source), plan(node.initial)
    result, names = plan(node.result), node.variables
    hidden = (node.gathered, *names)
    loop = _gathering(plan, node) or _folding(plan, node)

    def run(frame: Frame) -> Any:
        values = source(frame)
        first = initial(frame)
        variables = frame.variables
        kept = {name: variables[name] for name in hidden if name in variables}
        try:
            variables[node.gathered] = first
            loop(frame, _rounds(values, len(names)))
            return result(frame)
        finally:
            for name in hidden:
                variables.pop(name, None)
            variables.update(kept)

    return run


def _folding(plan: Plan, node: Comprehension) -> Loop:
    condition, step = plan(node.condition), plan(node.step)
    gathered, names = node.gathered, node.variables
    # `all` and `exists` go on after a failure: a later round may decide without it.
    goes_on = isinstance(node.initial, Literal) and isinstance(node.initial.value, bool)

    def run(frame: Frame, rounds: Iterable[tuple[Any, ...]]) -> None:
        variables = frame.variables
        for given in rounds:
            variables.update(zip(names, given, strict=True))
            frame.pay(0)
            if not condition(frame):
                break
            try:
                variables[gathered] = step(frame)
            except EvaluationFailed as error:
                if not goes_on:
                    raise
                variables[gathered] = Lazy(partial(_raise, error))

    return run


def _gathering(plan: Plan, node: Comprehension) -> Loop | None:
    """A loop that adds to a list or a map every round, which is not copied every time."""
    step, wanted = node.step, None
    if isinstance(step, Call) and step.function == "_?_:_":
        wanted, step = step.arguments[0], step.arguments[1]
    if not (isinstance(step, Call) and _is_empty(node.initial)):
        return None
    if step.function not in ("_+_", "cel.@mapInsert"):
        return None
    added = plan(step.arguments[1])
    is_map = isinstance(node.initial, MapOf)
    keep = None if wanted is None else plan(wanted)
    gathered, names = node.gathered, node.variables

    def run(frame: Frame, rounds: Iterable[tuple[Any, ...]]) -> None:
        variables = frame.variables
        items: list[Any] = []
        entries: dict[Any, Any] = {}
        for given in rounds:
            variables.update(zip(names, given, strict=True))
            if keep is not None and not truth(keep(frame)):
                frame.pay(1)
                continue
            more = added(frame)
            frame.pay(2)
            if is_map:
                _insert(entries, more)
            else:
                items += more
        variables[gathered] = entries if is_map else items

    return run


def _insert(entries: dict[Any, Any], more: Any) -> None:
    if not isinstance(more, dict):
        raise EvaluationFailed(NO_OVERLOAD)
    for key, value in more.items():
        if key in entries:
            raise EvaluationFailed(f"insert failed: key {key} already exists")
        entries[key] = value


def _is_empty(node: Node) -> bool:
    if isinstance(node, MapOf):
        return not node.entries
    return isinstance(node, ListOf) and not node.elements


def _rounds(values: Any, count: int) -> Iterable[tuple[Any, ...]]:
    """What the variables of a loop are, round by round."""
    if isinstance(values, list):
        return enumerate(values) if count == 2 else zip(values, strict=True)
    if isinstance(values, dict):
        return values.items() if count == 2 else zip(values, strict=True)
    raise EvaluationFailed(f"got '{_go_type(values)}', expected iterable type")


def _go_type(value: Any) -> str:
    """What upstream's own language calls the type of a value."""
    name = type_of(value).name
    package, _, last = name.rpartition(".")
    if package == "kubernetes":
        return f"cel.{last}"
    return f"types.{last.partition('_')[0].capitalize()}"


def _raise(error: EvaluationFailed) -> Any:
    raise error
