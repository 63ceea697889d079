"""Whether the rules of a schema can be read, fit its types, and cost no more than they may.

Upstream: `apiextensions-apiserver/pkg/apis/apiextensions/validation` (the part on
x-kubernetes-validations, cel_validation.go).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field

from k8slite.kinds.apiextensions.custom_rules import REASONS, environment_of
from k8slite.kinds.apiextensions.rule_paths import normalized_path
from k8slite.kinds.apiextensions.rule_types import declared, max_cardinality
from k8slite.objects.cel.environment import Environment, Expression, Uncompilable
from k8slite.objects.cel.spans import MOST
from k8slite.objects.cel.types import STRING, Type
from k8slite.objects.codec import dumps
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.structural import Structural

Json = dict[str, Any]

# What one rule, and all rules of a schema, may cost by estimate.
RULE_LIMIT: Final = 10_000_000
SCHEMA_LIMIT: Final = 100_000_000
_SHARE: Final = SCHEMA_LIMIT // 100  # a rule below this is not blamed for the total
_BLAMED_MOST: Final = 4


def rule_shape(rule: Json, schema: Structural, at: str) -> Iterator[Cause]:
    """What is wrong with a rule without looking into its expressions."""
    text, message = rule.get("rule", "").strip(), rule.get("message", "")
    if not text:
        yield required(f"{at}.rule", "rule is not specified")
    elif message and not message.strip():
        yield invalid(f"{at}.message", message, "message must be non-empty if specified")
    elif _breaks(message.strip()):
        yield invalid(f"{at}.message", message, "message must not contain line breaks")
    elif _breaks(text) and not message.strip():
        said = "message must be specified if rule contains line breaks"
        yield required(f"{at}.message", said)
    expression = rule.get("messageExpression", "")
    if expression and not expression.strip():
        said = "messageExpression must be non-empty if specified"
        yield required(f"{at}.messageExpression", said)
    reason = rule.get("reason")
    if reason is not None and reason not in REASONS:
        yield not_supported(f"{at}.reason", reason, REASONS)
    path = rule.get("fieldPath", "")
    if path and not path.strip():
        yield invalid(f"{at}.fieldPath", path, "fieldPath must be non-empty if specified")
    if _breaks(path):
        yield invalid(f"{at}.fieldPath", path, "fieldPath must not contain line breaks")
    if path:
        try:
            normalized_path(path, schema)
        except ValueError:
            yield invalid(f"{at}.fieldPath", path, "fieldPath must be a valid path")


@define
class Budget:
    """What the rules of one schema cost together."""

    total: int = 0
    dearest: list[tuple[int, str]] = field(factory=list)  # cost and where, the dearest first

    def add(self, cost: int, at: str) -> None:
        """Note what a rule costs."""
        self.total = min(self.total + cost, MOST)
        if cost >= _SHARE:
            self.dearest.append((cost, at))
            self.dearest.sort(key=lambda one: -one[0])
            del self.dearest[_BLAMED_MOST:]

    def complaints(self, path: str) -> Iterator[Cause]:
        """What is wrong with the whole schema."""
        if self.total <= SCHEMA_LIMIT:
            return
        for _, at in self.dearest:
            said = (
                "contributed to estimated rule cost total exceeding cost limit for entire "
                "OpenAPIv3 schema"
            )
            yield forbidden(at, said)
        said = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
        yield forbidden(path, _exceeded(said, self.total, SCHEMA_LIMIT))


def rule_complaints(schema: Json, path: str) -> Iterator[Cause]:
    """What is wrong with the expressions of a schema and of all that is in it."""
    budget = Budget()
    yield from _below(schema, path, 1, "", budget, is_resource=True)
    yield from budget.complaints(path)


def _below(
    json: Json,
    path: str,
    cardinality: int | None,
    uncorrelated: str,
    budget: Budget,
    *,
    is_resource: bool = False,
) -> Iterator[Cause]:
    """`cardinality`: how many there can be, None: any number; `uncorrelated`: see `_old`."""
    inner = _times(cardinality, _elements(json))
    for name, one in (json.get("properties") or {}).items():
        embedded = bool(one.get("x-kubernetes-embedded-resource"))
        where = f"{path}.properties[{name}]"
        yield from _below(one, where, inner, uncorrelated, budget, is_resource=embedded)
    more = json.get("additionalProperties")
    if isinstance(more, dict):
        yield from _below(more, f"{path}.additionalProperties", inner, uncorrelated, budget)
    items = json.get("items")
    if isinstance(items, dict):
        is_map = json.get("x-kubernetes-list-type") == "map"
        lost = uncorrelated or ("" if is_map else path)
        embedded = bool(items.get("x-kubernetes-embedded-resource"))
        yield from _below(items, f"{path}.items", inner, lost, budget, is_resource=embedded)
    rules = json.get("x-kubernetes-validations") or ()
    if rules:
        type_ = declared(Structural.of(json), "selfType", is_resource=is_resource)
        if type_ is None:
            said = (
                "Internal error: internal error: failed to construct type information for "
                "x-kubernetes-validations rules: unable to convert structural schema to CEL "
                "declarations"
            )
            yield Cause("InternalError", said, f"{path}.x-kubernetes-validations")
            return
        many = max_cardinality(type_) if cardinality is None else cardinality
        for number, rule in enumerate(rules):
            at = f"{path}.x-kubernetes-validations[{number}]"
            yield from _rule(rule, type_, at, many, uncorrelated, budget)


def _rule(
    rule: Json, type_: Type, at: str, many: int, uncorrelated: str, budget: Budget
) -> Iterator[Cause]:
    environment = environment_of(type_, may_lack_old=bool(rule.get("optionalOldSelf")))
    try:
        found = _compiled(environment, rule["rule"], "")
        if found.type.name != "bool":
            raise Uncompilable("cel expression must evaluate to a bool")
    except Uncompilable as error:
        yield _of_rule(f"{at}.rule", rule, str(error))
        return
    yield from _cost(found, "estimated rule cost", many, f"{at}.rule", budget)
    text = rule.get("messageExpression", "")
    if text:
        where = f"{at}.messageExpression"
        try:
            message = _compiled(environment, text, "messageExpression ")
            if message.type != STRING:
                raise Uncompilable("messageExpression must evaluate to a string")
            yield from _cost(message, "estimated messageExpression cost", 1, where, budget)
        except Uncompilable as error:
            yield _of_rule(where, rule, str(error))
    yield from _old(rule, found.names("oldSelf"), at, uncorrelated)


def _compiled(environment: Environment, text: str, of: str) -> Expression:
    try:
        return environment.compile(text)
    except Uncompilable as error:
        raise Uncompilable(f"{of}compilation failed: {error}") from None


def _cost(expression: Expression, name: str, many: int, at: str, budget: Budget) -> Iterator[Cause]:
    # Only who defines rules needs it.
    from k8slite.objects.cel.estimate import worst_cost

    cost = min(worst_cost(expression.checked) * many, MOST)
    if cost > RULE_LIMIT:
        yield forbidden(at, _exceeded(name, cost, RULE_LIMIT))
    budget.add(cost, at)


def _old(rule: Json, sees_old: bool, at: str, uncorrelated: str) -> Iterator[Cause]:
    """`uncorrelated`: the list or map around, whose parts cannot be told to be the same."""
    if sees_old and uncorrelated:
        said = (
            "oldSelf cannot be used on the uncorrelatable portion of the schema within "
            + uncorrelated
        )
        yield invalid(f"{at}.rule", rule["rule"], said)
    elif not sees_old and rule.get("optionalOldSelf") is not None:
        said = "may not be set if oldSelf is not used in rule"
        yield invalid(f"{at}.optionalOldSelf", rule["optionalOldSelf"], said)


def _elements(json: Json) -> int | None:
    """How many of what is below there are for one of this; None for any number."""
    if json.get("type") == "array":
        limit = json.get("maxItems")
    elif json.get("type") == "object" and json.get("additionalProperties") is not None:
        limit = json.get("maxProperties")
    else:
        return 1
    return None if limit is None else max(limit, 0)


def _times(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else min(one * other, MOST)


def _exceeded(name: str, cost: int, limit: int) -> str:
    factor = cost / limit
    if factor > 100:
        shown = "more than 100x"
    else:
        shown = f"{factor:f}x" if factor < 1.5 else f"{factor:.1f}x"
    return (
        f"{name} exceeds budget by factor of {shown} (try simplifying the rule, or adding "
        "maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )


def _breaks(text: str) -> bool:
    return "\n" in text or "\r" in text


def _of_rule(at: str, rule: Json, said: str) -> Cause:
    """A complaint that shows the rule as Go's %#v has it, which is how upstream shows it."""

    def text(name: str) -> str:
        return dumps(rule.get(name, "")).decode()

    shown = (
        f"apiextensions.ValidationRule{{Rule:{text('rule')}, Message:{text('message')}, "
        f"MessageExpression:{text('messageExpression')}, "
        "Reason:(*apiextensions.FieldValueErrorReason)(nil), "
        f"FieldPath:{text('fieldPath')}, OptionalOldSelf:(*bool)(nil)}}"
    )
    return Cause("FieldValueInvalid", f"Invalid value: {shown}: {said}", at)
