"""One evaluation under way: its variables, and what it has cost so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import define, field

from k8slite.objects.cel.tree import Node
from k8slite.objects.cel.turns import give_way
from k8slite.objects.cel.values import TOO_MUCH, BudgetExceeded, EvaluationFailed

NO_OVERLOAD: Final = "no such overload"
# After so much others should have their turn: a tenth of the most that one evaluation may cost.
SLICE: Final = 100_000
# What it costs to write out a list, a map and an object.
LIST_COST: Final = 10
MAP_COST: Final = 30
OBJECT_COST: Final = 40


@define(eq=False)
class Frame:
    """One evaluation: the variables, and what it has cost."""

    variables: dict[str, Any]
    limit: int
    cost: int = 0
    _goes_to: int = field(init=False)  # what may be spent until others have their turn

    def __attrs_post_init__(self) -> None:
        self._goes_to = min(self.limit, SLICE)

    def pay(self, cost: int) -> None:
        """Raises BudgetExceeded."""
        self.cost += cost
        if self.cost > self._goes_to:
            if self.cost > self.limit:
                raise BudgetExceeded(TOO_MUCH)
            give_way()
            self._goes_to = min(self.limit, self.cost + SLICE)


@define(eq=False)
class Lazy:
    """A variable whose value is worked out when somebody asks for it, once."""

    work: Callable[[], Any]
    _known: list[Any] | None = None

    def __call__(self) -> Any:
        if self._known is None:
            self._known = [self.work()]
        return self._known[0]


Run = Callable[[Frame], Any]
Plan = Callable[[Node], Run]


def truth(value: Any) -> bool:
    """A value that must be a truth."""
    if value is True or value is False:
        return bool(value)
    raise EvaluationFailed(NO_OVERLOAD)
