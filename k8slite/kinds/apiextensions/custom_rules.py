"""The rules of a schema (`x-kubernetes-validations`), checked on an object and on its change.

Upstream: `apiextensions-apiserver/pkg/apiserver/schema/cel` (validation, compilation).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final, Literal

from attrs import frozen

from k8slite.objects.errors import Cause
from k8slite.objects.expressions import (
    Expression,
    Failed,
    Times,
    Uncompilable,
    compile_expression,
)
from k8slite.objects.fields import quoted
from k8slite.objects.meta import parse_timestamp
from k8slite.objects.structural import Structural
from k8slite.objects.structural_validation import old_item

Json = dict[str, Any]
Time = tuple[tuple[str, ...], Literal["TIMESTAMP", "DURATION"]]  # where, and of which kind

ABSENT: Final = object()
VARIABLES: Final = ("self", "oldSelf")
_NEXT: Final = "__oldSelf__"
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_TIMES: Final[dict[str, Literal["TIMESTAMP", "DURATION"]]] = {
    "date": "TIMESTAMP",
    "date-time": "TIMESTAMP",
    "datetime": "TIMESTAMP",
    "duration": "DURATION",
}
_DURATION: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ms|us|µs|ns|h|m|s)")
_ESCAPES: Final = (
    ("__", "__underscores__"),
    (".", "__dot__"),
    ("-", "__dash__"),
    ("/", "__slash__"),
)
_RESERVED: Final = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for"),
        *("function", "if", "import", "let", "loop", "package", "namespace", "return"),
    )
)


@frozen
class Rule:
    """One rule, compiled."""

    json: Json
    expression: Expression
    message: Expression | None
    sees_old: bool
    may_lack_old: bool


@frozen
class Rules:
    """The rules of one schema, and where it has times."""

    rules: tuple[Rule, ...]
    times: tuple[Time, ...]

    @classmethod
    def of(cls, schema: Structural) -> Rules:
        """Raises Uncompilable."""
        times = tuple(_times(schema))
        return cls(tuple(rule_of(json, times) for json in schema.rules), times)


def rule_of(json: Json, schema_times: Iterable[Time]) -> Rule:
    """Compile a rule of a schema that has these times. Raises Uncompilable."""
    times = tuple(
        (".".join((variable, *path)), type_)
        for variable in VARIABLES
        for path, type_ in schema_times
    )
    text = json.get("rule", "")
    may_lack_old = bool(json.get("optionalOldSelf"))
    message = json.get("messageExpression")
    return Rule(
        json,
        _compiled(text, may_lack_old, times),
        _compiled(message, may_lack_old, times) if message else None,
        re.search(r"\boldSelf\b", text) is not None,
        may_lack_old,
    )


def _times(schema: Structural, path: tuple[str, ...] = ()) -> Iterator[Time]:
    """Where a schema has times, as far as fields lead there."""
    type_ = _TIMES.get(schema.json.get("format", "")) if schema.type == "string" else None
    if type_ is not None:
        yield path, type_
    for name, below in schema.properties.items():
        yield from _times(below, (*path, escaped(name)))


def _compiled(text: str, may_lack_old: bool, times: Times) -> Expression:
    if may_lack_old:
        # The engine takes no optional values from outside: there is a list of one, or of none.
        optional = "size(oldSelf) > 0 ? optional.of(oldSelf[0]) : optional.none()"
        compile_expression(text, VARIABLES, times)  # so that complaints are about what was written
        inner = re.sub(r"\boldSelf\b", _NEXT, text)
        return compile_expression(f"cel.bind({_NEXT}, {optional}, {inner})", VARIABLES, times)
    return compile_expression(text, VARIABLES, times)


def check_rules(schema: Structural, new: Json, old: Json | None) -> list[Cause]:
    """Complaints about an object by the rules of its schema."""
    if not schema.has_rules:
        return []
    before = ABSENT if old is None else old
    return list(_below(schema, new, before, "", is_resource=True))


def _below(
    schema: Structural, value: Any, old: Any, path: str, *, is_resource: bool = False
) -> Iterator[Cause]:
    if schema.rules and value is not None:
        yield from _here(schema, value, old, path, is_resource=is_resource)
    if isinstance(value, dict):
        for name, inner in value.items():
            below = schema.of_field(name)
            if below is not None and below.has_rules:
                before = old.get(name, ABSENT) if isinstance(old, dict) else ABSENT
                where = f"{path}.{name}" if name in schema.properties else f"{path}[{name}]"
                yield from _below(
                    below, inner, before, where.removeprefix("."), is_resource=below.embedded
                )
    elif isinstance(value, list) and schema.items is not None and schema.items.has_rules:
        for number, one in enumerate(value):
            before = old_item(schema, one, old, absent=ABSENT)
            yield from _below(
                schema.items,
                one,
                before,
                f"{path}[{number}]",
                is_resource=schema.items.embedded,
            )


def _here(
    schema: Structural, value: Any, old: Any, path: str, *, is_resource: bool
) -> Iterator[Cause]:
    is_same = old is not ABSENT and old == value
    given: dict[bool, Any] = {}
    new_value = ABSENT
    if schema.compiled_rules is None:
        schema.compiled_rules = Rules.of(schema)
    rules: Rules = schema.compiled_rules
    for rule in rules.rules:
        if rule.sees_old and not rule.may_lack_old and old is ABSENT:
            continue  # a rule of transitions, and nothing has changed into this
        if is_same and not rule.sees_old:
            continue  # what was let in before is not refused while it stays
        if rule.may_lack_old not in given:
            if new_value is ABSENT:
                new_value = as_value(schema, value, is_resource=is_resource)
            before = None if old is ABSENT else as_value(schema, old, is_resource=is_resource)
            if rule.may_lack_old:
                before = [] if old is ABSENT else [before]
            variables = {"self": new_value, "oldSelf": before}
            for variable, root in (("self", value), ("oldSelf", old)):
                for steps, type_ in rules.times:
                    moment = _time_at(root, steps, type_)
                    if moment is not None:
                        variables[".".join((variable, *steps))] = moment
            given[rule.may_lack_old] = rule.expression.given(variables)
        found = _verdict(rule, given[rule.may_lack_old])
        if found:
            kind = quoted(schema.type or "any")
            where = path + (rule.json.get("fieldPath") or "")
            where = where.removeprefix(".") or "<nil>"
            reason = rule.json.get("reason") or "FieldValueInvalid"
            yield Cause(reason, _SAID[reason].format(value=kind) + found, where)


def _verdict(rule: Rule, given: Any) -> str:
    """Why a rule does not hold, or ""."""
    text = rule.json["rule"].strip()
    try:
        if rule.expression.evaluate_in(given) is True:
            return ""
    except Failed as failure:
        return f"{failure} evaluating rule: {rule.json.get('message') or text}"
    if rule.message is not None:
        try:
            found = rule.message.evaluate_in(given)
        except Failed:
            found = ""
        if isinstance(found, str) and found.strip() and "\n" not in found:
            return found
    return rule.json.get("message", "").strip() or f"failed rule: {text}"


def as_value(schema: Structural, value: Any, *, is_resource: bool = False) -> Any:
    """A value as an expression sees it: by the schema's types, names of fields escaped."""
    if isinstance(value, dict):
        found: Json = {}
        for name, inner in value.items():
            if is_resource and name in ("apiVersion", "kind", "metadata"):
                found[name] = _metadata(inner) if name == "metadata" else inner
                continue
            below = schema.properties.get(name)
            if below is not None:
                found[escaped(name)] = as_value(below, inner, is_resource=below.embedded)
            elif schema.values is not None:
                found[name] = as_value(schema.values, inner)
            elif not schema.properties:
                found[name] = inner
        return found
    if isinstance(value, list):
        items = schema.items
        return value if items is None else [as_value(items, one) for one in value]
    if schema.type == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if schema.type == "string" and isinstance(value, str):
        return _bytes(value) if schema.json.get("format") == "byte" else value
    return value


def escaped(name: str) -> str:
    """A field's name as expressions write it: `foo-bar` is `foo__dash__bar`."""
    if name in _RESERVED:
        return f"__{name}__"
    for piece, instead in _ESCAPES:
        name = name.replace(piece, instead)
    return name


def _bytes(text: str) -> Any:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return text


def _metadata(metadata: Any) -> Any:
    known = metadata if isinstance(metadata, dict) else {}
    return {name: known[name] for name in ("name", "generateName") if name in known}


def _time_at(value: Any, steps: tuple[str, ...], type_: str) -> Any:
    """The time that is somewhere in a value; None where there is none."""
    for step in steps:
        if not isinstance(value, dict):
            return None
        value = next((inner for name, inner in value.items() if escaped(name) == step), None)
    if not isinstance(value, str):
        return None
    if type_ == "TIMESTAMP":
        try:
            return parse_timestamp(value)
        except ValueError:
            return None
    sign = -1 if value.startswith("-") else 1
    parts = _DURATION.findall(value)
    seconds = sum(float(number) * _SECONDS.get(unit, 1e-9) for number, unit in parts)
    return timedelta(seconds=sign * seconds)


_SAID: Final = {
    "FieldValueInvalid": "Invalid value: {value}: ",
    "FieldValueRequired": "Required value: ",
    "FieldValueForbidden": "Forbidden: ",
    "FieldValueDuplicate": "Duplicate value: {value}: ",
}


def complaint_of(json: Json, schema: Structural) -> str:
    """What is wrong with a rule or its message, or ""."""
    try:
        rule = rule_of(json, _times(schema))
    except Uncompilable as error:
        return f"compilation failed: {error}"
    if rule.expression.result not in ("bool", "dyn"):
        return "cel expression must evaluate to a bool"
    if rule.message is not None and rule.message.result not in ("string", "dyn"):
        return "messageExpression must evaluate to a string"
    return ""
