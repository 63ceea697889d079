"""The variables of an expression about a write, and what evaluating expressions may cost together.

Upstream: `apiserver/pkg/admission/plugin/cel` (condition, activation, composition).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import trio
from attrs import define, field

from k8slite.apiserver.admission.webhook_review import review_of
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.authorization.authorizer import Authorizer as Rights
from k8slite.apiserver.request_info import RequestInfo
from k8slite.kinds.admissionregistration.policy_composition import Composition
from k8slite.kinds.kind import Kind
from k8slite.messages import User
from k8slite.objects.cel.authorizer import Authorizer, Decision, Question, ResourceCheck
from k8slite.objects.cel.environment import (
    CALL_LIMIT,
    SLICE,
    Expression,
    Failed,
    Uncompilable,
)
from k8slite.objects.cel.frame import Frame, Lazy
from k8slite.objects.cel.values import EvaluationFailed
from k8slite.objects.fields import quoted

Json = dict[str, Any]

# What all expressions of a policy, and all match conditions, may cost for one write; upstream's
# RuntimeCELCostBudget and RuntimeCELCostBudgetMatchConditions.
POLICY_BUDGET: Final = 10_000_000
CONDITIONS_BUDGET: Final = 2_500_000
_OUT_OF_BUDGET: Final = (
    "validation failed due to running out of cost budget, no further validation rules will be run"
)


class Broken(Exception):
    """An expression without a value."""


class OutOfBudget(Broken):
    """No expression is asked any more."""


@define(eq=False)
class Evaluation:
    """Values of expressions about one write, as long as the budget lasts."""

    variables: Mapping[str, Any]
    budget: int
    _turn: int = 0  # what was spent since others had theirs

    async def give_way(self) -> None:
        """Let others have their turn if much was spent since they had it."""
        if self._turn >= SLICE:
            self._turn = 0
            await trio.lowlevel.checkpoint()

    async def value(self, expression: Expression) -> Any:
        """Others have their turn meanwhile. Raises Broken or OutOfBudget with upstream's words."""
        frame = Frame(dict(self.variables), CALL_LIMIT)
        turns = expression.evaluate_in_turns(frame)
        try:
            while True:
                try:
                    next(turns)
                except StopIteration as end:
                    return end.value
                await trio.lowlevel.checkpoint()
        except Failed as error:
            text = f"expression '{expression.text}' resulted in error: {error}"
            raise Broken(text) from None
        finally:
            turns.close()
            self.pay(frame.cost)

    def pay(self, cost: int) -> None:
        """Raises OutOfBudget."""
        self.budget -= cost
        self._turn += cost
        if self.budget < 0:
            raise OutOfBudget(_OUT_OF_BUDGET)

    def with_variables(self, composition: Composition) -> Evaluation:
        """The same with a policy's own variables, each worked out when it is asked for."""
        own: Json = {}
        found = Evaluation({**self.variables, "variables": own}, self.budget)
        for name, expression in composition.compiled.items():
            own[name] = Lazy(_Variable(found, name, expression))
        return found

    async def hold(self, conditions: Sequence[tuple[str, Expression | Uncompilable]]) -> bool:
        """Whether all match conditions do; a false one counts before a broken one.

        Raises Broken.
        """
        complaints = []
        for _, expression in conditions:
            try:
                if isinstance(expression, Uncompilable):
                    raise Broken(f"compilation error: compilation failed: {expression}")
                if await self.value(expression) is not True:
                    return False
            except OutOfBudget:
                raise
            except Broken as error:
                complaints.append(str(error))
        if complaints:
            said = complaints[0] if len(complaints) == 1 else f"[{', '.join(complaints)}]"
            raise Broken(said)
        return True


@define(eq=False)
class _Variable:
    """Works a variable out once, also where that fails."""

    evaluation: Evaluation
    name: str
    expression: Expression | Uncompilable
    _failure: str = field(init=False, default="")

    def __call__(self) -> Any:
        if not self._failure:
            name = quoted(self.name)
            if isinstance(self.expression, Uncompilable):
                self._failure = f"composited variable {name} fails to compile: {self.expression}"
            else:
                frame = Frame(dict(self.evaluation.variables), CALL_LIMIT)
                try:
                    return self.expression.evaluate_in(frame)
                except Failed as error:
                    self._failure = f"composited variable {name} fails to evaluate: {error}"
                finally:
                    self.evaluation.pay(frame.cost)
        raise EvaluationFailed(self._failure)


def variables_about(
    attributes: Attributes,
    kind: Kind,
    new: Json | None,
    old: Json | None,
    rights: Rights,
    **more: Any,
) -> Json:
    """What every expression about a write may name."""
    request = review_of(attributes, kind, "", None, None)["request"]
    for name in ("uid", "object", "oldObject"):
        del request[name]
    authorizer = Authorizer(partial(_answer, rights, attributes.asked.user))
    asked = attributes.asked
    here = ResourceCheck(
        authorizer, kind.group, kind.plural, asked.subresource, asked.namespace, asked.name
    )
    return {
        "object": new,
        "oldObject": old,
        "request": request,
        "authorizer": authorizer,
        "authorizer.requestResource": here,
        **more,
    }


def _answer(rights: Rights, user: User, question: Question) -> Decision:
    if question.service_account is not None:
        namespace, name = question.service_account
        groups = (
            "system:serviceaccounts",
            f"system:serviceaccounts:{namespace}",
            "system:authenticated",
        )
        user = User(f"system:serviceaccount:{namespace}:{name}", groups)
    if question.path:
        info = RequestInfo(question.verb, question.path)
    else:
        info = RequestInfo(
            question.verb,
            "",
            True,
            question.group,
            "*",
            question.namespace,
            question.resource,
            question.name,
            question.subresource,
        )
    is_allowed, reason = rights.decide(user, info)
    return Decision(is_allowed, reason)


Conditions = tuple[tuple[str, Expression | Uncompilable], ...]


def compiled_conditions(
    conditions: Sequence[Json], compile_: Callable[[str], Expression]
) -> Conditions:
    """Match conditions by their names."""
    found: list[tuple[str, Expression | Uncompilable]] = []
    for one in conditions:
        try:
            found.append((one["name"], compile_(one["expression"].strip())))
        except Uncompilable as error:
            found.append((one["name"], error))
    return tuple(found)
