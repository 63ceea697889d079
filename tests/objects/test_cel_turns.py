"""A long evaluation lets others have their turn, and gives what it gives in one go."""

from __future__ import annotations

from typing import Any

import pytest

from k8slite.objects.cel.environment import (
    CALL_LIMIT,
    SLICE,
    Environment,
    Expression,
    Failed,
    TooCostly,
)
from k8slite.objects.cel.frame import Frame, Lazy
from k8slite.objects.cel.types import DYN

QUADRATIC = "self.all(x, self.all(y, x != y + 1000000))"


def compiled(text: str) -> Expression:
    return Environment({"self": DYN, "other": DYN}).compile(text)


def evaluated(expression: Expression, frame: Frame) -> tuple[Any, int]:
    """The value, and how many turns others had."""
    turns, count = expression.evaluate_in_turns(frame), 0
    while True:
        try:
            next(turns)
        except StopIteration as end:
            return end.value, count
        count += 1


@pytest.mark.parametrize("text", [QUADRATIC, f"other == 1 && {QUADRATIC}", f"[{QUADRATIC}][0]"])
def test_a_long_loop_gives_way(text: str) -> None:
    variables = {"self": list(range(300)), "other": 1}
    expression, whole = compiled(text), Frame(dict(variables), CALL_LIMIT)
    value = expression.evaluate_in(whole)
    frame = Frame(dict(variables), CALL_LIMIT)
    assert evaluated(expression, frame) == (value, whole.cost // SLICE)
    assert frame.cost == whole.cost > 2 * SLICE


def test_what_costs_too_much_is_given_up() -> None:
    frame = Frame({"self": list(range(2000))}, CALL_LIMIT)
    with pytest.raises(TooCostly, match="actual cost limit exceeded"):
        evaluated(compiled(QUADRATIC), frame)
    assert CALL_LIMIT < frame.cost < CALL_LIMIT + SLICE


def test_an_error_after_a_turn() -> None:
    text = f"{QUADRATIC} && self.map(x, x / 0).size() == 0"
    with pytest.raises(Failed, match="division by zero"):
        evaluated(compiled(text), Frame({"self": list(range(300))}, CALL_LIMIT))


def test_a_variable_that_is_worked_out_in_between_gives_way_too() -> None:
    inner = compiled(QUADRATIC)
    work = Lazy(lambda: inner.evaluate_in(Frame({"self": list(range(300))}, CALL_LIMIT)))
    frame = Frame({"self": [1, 2], "other": work}, CALL_LIMIT)
    value, turns = evaluated(compiled("self.all(x, other)"), frame)
    assert value is True
    assert turns >= 2


def test_two_evaluations_in_turns() -> None:
    expression = compiled(QUADRATIC)
    frames = [Frame({"self": list(range(size))}, CALL_LIMIT) for size in (300, 250)]
    going = [expression.evaluate_in_turns(frame) for frame in frames]
    values = []
    while going:
        for one in list(going):
            try:
                next(one)
            except StopIteration as end:
                values.append(end.value)
                going.remove(one)
    assert values == [True, True]


def test_nobody_waits_any_more() -> None:
    frame = Frame({"self": list(range(300))}, CALL_LIMIT)
    turns = compiled(QUADRATIC).evaluate_in_turns(frame)
    next(turns)
    turns.close()
    assert "x" not in frame.variables  # what was begun has been cleaned up


def test_without_loops_there_is_one_go() -> None:
    assert evaluated(compiled("self + 1 == 2"), Frame({"self": 1}, CALL_LIMIT)) == (True, 0)
