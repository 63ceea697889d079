"""The rules of a schema (`x-kubernetes-validations`), checked on an object and on its change.

Upstream: `apiextensions-apiserver/pkg/apiserver/schema/cel` (validation, compilation).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, Final

from attrs import define, frozen

from k8slite.kinds.apiextensions.rule_paths import normalized_path
from k8slite.kinds.apiextensions.rule_types import Convert, converter, declared
from k8slite.objects.cel.environment import (
    CALL_LIMIT,
    SLICE,
    Environment,
    Expression,
    Failed,
    TooCostly,
    Uncompilable,
)
from k8slite.objects.cel.frame import NO_OVERLOAD, Frame
from k8slite.objects.cel.types import Type, optional_of
from k8slite.objects.cel.values import NONE, Optional
from k8slite.objects.errors import Cause
from k8slite.objects.fields import quoted
from k8slite.objects.sameness import same
from k8slite.objects.structural import Structural
from k8slite.objects.structural_validation import old_item

Json = dict[str, Any]

ABSENT: Final = object()
# What all rules may cost for one object; upstream's RuntimeCELCostBudget.
OBJECT_BUDGET: Final = 10_000_000
_MESSAGE_BYTES_LIMIT: Final = 5 * 1024
_OUT_OF_BUDGET: Final = (
    "failed due to running out of cost budget, no further validation rules will be run"
)


@frozen
class Rule:
    """One rule, compiled."""

    json: Json
    expression: Expression | None
    message: Expression | None
    sees_old: bool
    may_lack_old: bool
    path: str
    error: str = ""


@frozen
class Rules:
    """The rules of one schema."""

    rules: tuple[Rule, ...]
    convert: Convert | None

    @classmethod
    def of(cls, schema: Structural, *, is_resource: bool) -> Rules:
        """Compile; what cannot be compiled says so when it is asked."""
        type_ = declared(schema, "selfType", is_resource=is_resource)
        found = [_rule(json, schema, type_) for json in schema.rules]
        return cls(tuple(found), converter(schema, is_resource=is_resource))


def environment_of(type_: Type, *, may_lack_old: bool) -> Environment:
    """What a rule on a value of this type may name."""
    return Environment({"self": type_, "oldSelf": optional_of(type_) if may_lack_old else type_})


def _rule(json: Json, schema: Structural, type_: Type | None) -> Rule:
    may_lack_old = bool(json.get("optionalOldSelf"))
    try:
        if type_ is None:
            raise Uncompilable("the schema has no type")
        environment = environment_of(type_, may_lack_old=may_lack_old)
        expression = environment.compile(json.get("rule", ""))
        text = json.get("messageExpression")
        message = environment.compile(text) if text else None
        path = normalized_path(json.get("fieldPath") or "", schema)
    except ValueError as error:
        return Rule(json, None, None, False, may_lack_old, "", str(error))
    return Rule(json, expression, message, expression.names("oldSelf"), may_lack_old, path)


def check_rules(schema: Structural, new: Any, old: Any, *, is_resource: bool = True) -> list[Cause]:
    """Complaints about an object by the rules of its schema."""
    found = rules_in_turns(schema, new, old, is_resource=is_resource)
    return [cause for cause in found if cause is not None]


def rules_in_turns(
    schema: Structural, new: Any, old: Any, *, is_resource: bool = True
) -> Iterator[Cause | None]:
    """As `check_rules`, with None whenever it is others' turn: all rules may take seconds."""
    if not schema.has_rules:
        return
    check = _Check()
    before = ABSENT if old is None else old
    try:
        for cause in check.below(schema, new, before, "", is_resource=is_resource):
            if cause is not None:
                yield cause
            if check.is_others_turn():
                yield None
    except _NoFurther:
        pass


class _NoFurther(Exception):
    """The budget is used up."""


@define
class _Check:
    """One object."""

    budget: int = OBJECT_BUDGET
    turn_ends: int = OBJECT_BUDGET - SLICE  # what is left of the budget then

    def is_others_turn(self) -> bool:
        """Whether much was spent since the last turn; the next one begins."""
        if self.budget > self.turn_ends:
            return False
        self.turn_ends = self.budget - SLICE
        return True

    def below(
        self, schema: Structural, value: Any, old: Any, path: str, *, is_resource: bool = False
    ) -> Iterator[Cause | None]:
        """The rules of a value and of all that is in it; None where many hold in a row."""
        if schema.rules and value is not None:
            yield from self.here(schema, value, old, path, is_resource=is_resource)
        if isinstance(value, dict):
            for name, inner in value.items():
                below = schema.of_field(name)
                if below is not None and below.has_rules:
                    before = old.get(name, ABSENT) if isinstance(old, dict) else ABSENT
                    where = f"{path}.{name}" if name in schema.properties else f"{path}[{name}]"
                    where = where.removeprefix(".")
                    yield from self.below(below, inner, before, where, is_resource=below.embedded)
        elif isinstance(value, list) and schema.items is not None and schema.items.has_rules:
            items = schema.items
            for number, one in enumerate(value):
                before = old_item(schema, one, old, absent=ABSENT)
                where = f"{path}[{number}]"
                yield from self.below(items, one, before, where, is_resource=items.embedded)

    def here(
        self, schema: Structural, value: Any, old: Any, path: str, *, is_resource: bool
    ) -> Iterator[Cause | None]:
        """The rules of one value. Raises _NoFurther after the last complaint that is told."""
        if schema.compiled_rules is None:
            schema.compiled_rules = Rules.of(schema, is_resource=is_resource)
        rules: Rules = schema.compiled_rules
        is_same = old is not ABSENT and same(old, value)
        given: dict[bool, dict[str, Any]] = {}
        for rule in rules.rules:
            if rule.sees_old and not rule.may_lack_old and old is ABSENT:
                continue  # a rule of transitions, and nothing has changed into this
            if is_same and not rule.sees_old:
                continue  # what was let in before is not refused while it stays
            if rule.may_lack_old not in given:
                given[rule.may_lack_old] = _variables(rules.convert, value, old, rule.may_lack_old)
            said, is_end = yield from self.verdict(rule, given[rule.may_lack_old])
            if said is not None:
                yield _complaint(rule, schema, path, said)
            elif self.budget <= self.turn_ends:
                yield None
            if is_end:
                raise _NoFurther

    def verdict(
        self, rule: Rule, given: dict[str, Any]
    ) -> Generator[None, None, tuple[str | None, bool]]:
        """Why a rule does not hold, if it does not; and whether nothing may be asked any more."""
        if self.budget <= 0:
            return f"validation {_OUT_OF_BUDGET}", True
        if rule.expression is None:
            return f"rule compile error: {rule.error}", False
        frame = Frame(given, CALL_LIMIT)
        said: str | None = None
        is_end = False
        try:
            holds = yield from rule.expression.evaluate_in_turns(frame)
        except TooCostly as error:
            said = (
                f"'{error}': no further validation rules will be run due to call cost exceeds "
                f"limit for rule: {_shown(rule)}"
            )
            is_end = True
        except Failed as error:
            said = f"{error} evaluating rule: {_shown(rule)}"
            if str(error).startswith(NO_OVERLOAD):
                said = (
                    f"'{error}': call arguments did not match a supported operator, function or "
                    f"macro signature for rule: {_shown(rule)}"
                )
        if frame.cost > self.budget:
            return f"validation {_OUT_OF_BUDGET}", True
        self.budget -= frame.cost
        if said is not None or holds is True:
            return said, is_end
        return (yield from self.message(rule, given))

    def message(self, rule: Rule, given: dict[str, Any]) -> Generator[None, None, tuple[str, bool]]:
        """What a rule that does not hold says."""
        told = rule.json.get("message", "").strip() or f"failed rule: {_shown(rule)}"
        if rule.message is None:
            return told, False
        frame = Frame(given, CALL_LIMIT)
        found: Any = None
        try:
            found = yield from rule.message.evaluate_in_turns(frame)
        except TooCostly:
            text = quoted(rule.message.text)
            return (
                "no further validation rules will be run due to call cost exceeds limit for "
                f"messageExpression: {text}"
            ), True
        except Failed:
            pass
        if frame.cost > self.budget:
            return f"messageExpression evaluation {_OUT_OF_BUDGET}", True
        self.budget -= frame.cost
        return usable_message(found) or told, False


def usable_message(found: Any) -> str:
    """A message that an expression has made; "" for one that may not be shown."""
    text = found.strip() if isinstance(found, str) else ""
    if "\n" in text or len(text.encode()) > _MESSAGE_BYTES_LIMIT:
        return ""
    return text


def _variables(convert: Convert | None, value: Any, old: Any, may_lack_old: bool) -> dict[str, Any]:
    before = None
    if old is not ABSENT:
        before = old if convert is None or old is None else convert(old)
    found = {"self": value if convert is None else convert(value), "oldSelf": before}
    if may_lack_old:
        found["oldSelf"] = NONE if old is ABSENT else Optional(before, True)
    return found


def _shown(rule: Rule) -> str:
    text: str = rule.json.get("message") or rule.json.get("rule", "")
    return text.strip()


def _complaint(rule: Rule, schema: Structural, path: str, said: str) -> Cause:
    kind = quoted(schema.type or "any")
    where = ".".join(part for part in (path, rule.path) if part) or "<nil>"
    reason = rule.json.get("reason") or "FieldValueInvalid"
    return Cause(reason, REASONS[reason].format(value=kind) + said, where)


# Reason -> how a complaint with it begins.
REASONS: Final = {
    "FieldValueInvalid": "Invalid value: {value}: ",
    "FieldValueRequired": "Required value: ",
    "FieldValueForbidden": "Forbidden: ",
    "FieldValueDuplicate": "Duplicate value: {value}: ",
}
