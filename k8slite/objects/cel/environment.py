"""An environment compiles expressions over its variables; an expression gives values.

environment = Environment({"self": DYN})
environment.compile("self.replicas <= 3").evaluate({"self": {"replicas": 2}})     # True
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

from k8slite.objects.cel.complaints import told
from k8slite.objects.cel.depth import room
from k8slite.objects.cel.frame import SLICE, Frame, Run
from k8slite.objects.cel.tree import depth_of, has_loops
from k8slite.objects.cel.turns import in_turns
from k8slite.objects.cel.types import Type
from k8slite.objects.cel.values import BudgetExceeded, EvaluationFailed

if TYPE_CHECKING:
    from k8slite.objects.cel.checker import Checked

__all__ = (
    "CALL_LIMIT",
    "SLICE",
    "Environment",
    "Expression",
    "Failed",
    "TooCostly",
    "Uncompilable",
)

# What one evaluation may cost; upstream's PerCallLimit, about a tenth of a second there.
CALL_LIMIT: Final = 1_000_000

# Levels that there is always room for.
_SHALLOW: Final = 50
# Expressions that an environment keeps; a client who invents more pays for compiling them.
_KEPT_MOST: Final = 1024


class Uncompilable(ValueError):
    """An expression that cannot be read, or that asks for what is not there."""


class Failed(Exception):
    """An evaluation without a value."""


class TooCostly(Failed):
    """An evaluation that was given up when it had cost too much."""


@frozen(eq=False)
class Expression:
    """A compiled expression."""

    text: str
    checked: Checked
    _run: Run
    _is_deep: bool
    _loops: bool

    @property
    def type(self) -> Type:
        """The type of its value."""
        return self.checked.result

    def names(self, variable: str) -> bool:
        """Whether it asks for a variable."""
        return variable in self.checked.used

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """Its value. Raises Failed."""
        return self.evaluate_in(Frame(dict(variables), CALL_LIMIT))

    def evaluate_in_turns(self, frame: Frame) -> Generator[None, None, Any]:
        """As `evaluate_in`, with a None whenever others should have their turn."""
        if self._loops and not self._is_deep:
            return (yield from in_turns(partial(self.evaluate_in, frame)))
        return self.evaluate_in(frame)

    def evaluate_in(self, frame: Frame) -> Any:
        """Its value; the frame tells what it has cost, also where there is none. Raises Failed."""
        try:
            if self._is_deep:
                with room():
                    return self._run(frame)
            return self._run(frame)
        except EvaluationFailed as error:
            raise Failed(str(error)) from None
        except BudgetExceeded as error:
            raise TooCostly(str(error)) from None
        except RecursionError:
            raise Failed("the expression is nested too deep") from None


@define(eq=False)
class Environment:
    """Variables with their types, and the types of objects that can be written out."""

    variables: Mapping[str, Type]
    object_type: Callable[[str], Type | None] = lambda _name: None
    binds: bool = False  # whether expressions may name values with `cel.bind`
    _kept: dict[str, Expression | Uncompilable] = field(factory=dict)

    def compile(self, text: str) -> Expression:
        """Raises Uncompilable with upstream's message."""
        found = self._kept.get(text)
        if found is None:
            try:
                found = self._compiled(text)
            except Uncompilable as error:
                found = error
            if len(self._kept) >= _KEPT_MOST:
                self._kept.clear()
            self._kept[text] = found
        if isinstance(found, Uncompilable):
            raise Uncompilable(str(found))
        return found

    def _compiled(self, text: str) -> Expression:
        # Only who has expressions needs what reads and checks them: 40 ms.
        from k8slite.objects.cel.checker import Names, check
        from k8slite.objects.cel.evaluation import plan
        from k8slite.objects.cel.library import FUNCTIONS, TYPES
        from k8slite.objects.cel.parser import NESTED, Unreadable, parse

        try:
            with room():
                root = parse(text, binds=self.binds)
                names = Names(self.variables, FUNCTIONS, TYPES, self.object_type)
                checked = check(root, names)
                if checked.complaints:
                    raise Uncompilable(told(text, checked.complaints))
                is_deep = depth_of(root) > _SHALLOW
                return Expression(text, checked, plan(checked, root), is_deep, has_loops(root))
        except Unreadable as error:
            raise Uncompilable(str(error)) from None
        except RecursionError:
            raise Uncompilable(NESTED) from None
