"""An evaluation that others may interrupt: it stands still in the middle of a loop, and goes on.

    value = yield from in_turns(work)       # yields None whenever others should have their turn

A loop within a loop may take a second before it has cost too much. What counts the cost calls
`give_way` now and then; it leads back to who goes through `in_turns`, and does nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

from greenlet import getcurrent, greenlet

Value = TypeVar("Value")


class _Turn(greenlet):  # type: ignore[misc]
    """Work that may stand still."""


def in_turns(work: Callable[[], Value]) -> Generator[None, None, Value]:
    """What `work` gives or raises."""
    turn = _Turn(work)
    try:
        found: Value = turn.switch()
        while not turn.dead:
            yield
            turn.parent = getcurrent()
            found = turn.switch()
        return found
    finally:
        if not turn.dead:
            turn.throw()  # nobody waits for it any more


def give_way() -> None:
    """Let who goes through `in_turns` have a turn, if somebody does."""
    current = getcurrent()
    if isinstance(current, _Turn) and current.parent is not None:
        current.parent.switch()
