"""What rules of schemas are estimated to cost: the figures are those of upstream's own tests."""

from __future__ import annotations

from typing import Any

import pytest

from k8slite.kinds.apiextensions.custom_rules import environment_of
from k8slite.kinds.apiextensions.rule_types import declared
from k8slite.kinds.apiextensions.rule_validation import RULE_LIMIT
from k8slite.kinds.apiextensions.schema_validation import validate_schema
from k8slite.objects.cel.estimate import worst_cost
from k8slite.objects.structural import Structural

Json = dict[str, Any]
FREE: Json = {"x-kubernetes-int-or-string": True}


def of(type_: str) -> Json:
    """A type by its name or its format."""
    if type_ == "int-or-string":
        return FREE
    if type_ in ("duration", "date", "date-time"):
        return {"type": "string", "format": type_}
    return {"type": type_}


def limited(schema: Json, key: str, limit: int | None) -> Json:
    return schema if limit is None else {**schema, key: limit}


def array(items: Json, limit: int | None) -> Json:
    return limited({"type": "array", "items": items}, "maxItems", limit)


def map_of(values: Json, limit: int | None) -> Json:
    schema = {"type": "object", "additionalProperties": values}
    return limited(schema, "maxProperties", limit)


def text(limit: int | None, **more: Any) -> Json:
    return limited({"type": "string", **more}, "maxLength", limit)


def obj(**properties: Json) -> Json:
    return {"type": "object", "properties": properties}


ITEM = {**obj(required=of("string"), optional=of("string")), "required": ["required"]}


def cost(schema: Json, rule: str) -> int:
    type_ = declared(Structural.of(schema), "selfType")
    assert type_ is not None
    environment = environment_of(type_, may_lack_old=False)
    return worst_cost(environment.compile(rule).checked)


# How a schema is made with a limit or none, the rule, its cost without a limit, the limit, its cost
# with it.
CASES: list[tuple[Any, str, int, int, int]] = [
    (lambda n: array(of("number"), n), "self.all(x, true)", 4718591, 10, 32),
    (lambda n: array(of("string"), n), "self.all(x, true)", 3145727, 20, 62),
    (lambda n: array(of("boolean"), n), "self.all(x, true)", 1887437, 5, 17),
    (lambda n: array(array(of("number"), None), n), "self.all(x, true)", 3145727, 100, 302),
    (lambda n: array(ITEM, n), "self.all(x, true)", 555128, 50, 152),
    (lambda n: map_of(of("number"), n), "self.all(x, true)", 1348169, 10, 32),
    (lambda n: map_of(of("string"), n), "self.all(x, true)", 1179647, 3, 11),
    (lambda n: map_of(of("boolean"), n), "self.all(x, true)", 943718, 100, 302),
    (text, "self.contains('test')", 314574, 10, 5),
    (text, "self.startsWith('test')", 2, 15, 2),
    (text, "self.endsWith('test')", 2, 30, 2),
    (text, "size(self + 'hello') > size('hello')", 314578, 4, 7),
    (lambda n: array(of("number"), n), "self[1] == 0.0", 2, 5000, 2),
    (lambda n: array(of("string"), n), "self[1] == self[1]", 314577, 8, 314577),
    (lambda n: array(of("number"), n), "self.all(x, self.all(y, true))", -1, 10, 352),
    (lambda n: array(of("number"), n), "self.all(x, self.all(y, self.all(z, true)))", -1, 10, 3552),
    (text, "self.matches('x')", 314574, 50, 22),
    (text, "''.matches('(((((((((())))))))))[0-9]')", 7, 10, 7),
    (text, "self.matches('')", 1, 100, 1),
    (lambda n: map_of(text(n), n), "self.all(x, x.contains(self[x]))", 2752507, 10, 72),
    (lambda n: array(of("number"), n), "self[3] == 0.0", 2, 0, 2),
    (lambda n: map_of(of("number"), n), "self['x'] == 0.0", 2, 0, 2),
    (text, "self == 'x'", 2, 0, 1),
    (lambda n: text(n, format="byte"), "self == b'x'", 2, 0, 1),
    (lambda n: array(of("number"), n), "self.all(x, x == 0.0)", 6291454, 6291456, 25165826),
    (
        lambda n: array(map_of(ITEM, n), n),
        "self.all(x, x['y'].required == 'z')", 7340027, 10, 72,
    ),
    (
        lambda n: array(map_of(ITEM, n), None),
        "self.all(x, x['y'].required == 'z')", 7340027, 10, 7340027,
    ),
    (lambda n: array(FREE, n), "self.all(x, true)", 4718591, 10, 32),
    (lambda n: array(FREE, n), "self[0] == 5", 3, 10, 3),
    (lambda n: array(of("boolean"), n), "self[0] == false", 2, 25, 2),
    (lambda n: array(ITEM, n), "self[0] == null", 2, 422, 2),
    (lambda n: array(array(of("number"), None), n), "self[0][0] == -1.0", 3, 51, 3),
    (lambda n: array(map_of(of("number"), None), n), "self.all(x, x.y == 25.2)", 6291452, 12, 74),
    (lambda n: array(map_of(of("number"), None), n), "self[0].x > 2.0", 4, 3000, 4),
    (lambda n: array(of("duration"), n), "self.all(x, true)", 2359295, 5, 17),
    (lambda n: array(of("duration"), n), "self[0].getHours() == 2", 4, 525, 4),
    (lambda n: array(of("date"), n), "self.all(x, true)", 725936, 15, 47),
    (lambda n: array(of("date"), n), "self[2].getDayOfMonth() == 13", 4, 42, 4),
    (lambda n: array(of("date-time"), n), "self.all(x, true)", 428963, 25, 77),
    (lambda n: array(of("date-time"), n), "self[2].getMinutes() == 45", 4, 99, 4),
    (lambda n: map_of(FREE, n), "self.all(x, true)", 1348169, 15, 47),
    (lambda n: map_of(ITEM, n), "self.all(x, true)", 428963, 20, 62),
    (lambda n: map_of(map_of(of("number"), None), n), "self.all(x, true)", 1179647, 10, 32),
    (lambda n: map_of(array(of("number"), None), n), "self.all(x, true)", 1179647, 25, 77),
    (lambda n: map_of(of("duration"), n), "self.all(x, true)", 1048577, 5, 17),
    (lambda n: map_of(of("date"), n), "self.all(x, true)", 524288, 10, 32),
    (lambda n: map_of(of("date-time"), n), "self.all(x, true)", 349526, 25, 77),
    (text, "self.find('[0-9]+') == ''", 629147, 10, 11),
    (lambda n: array(text(n), n), "self.join(' ') == 'aa bb'", 329853068905, 10, 43),
    (lambda n: array(text(n), n), "self.isSorted() == true", 329854432052, 10, 52),
    (
        lambda n: obj(str=text(n), before=text(2), after=text(4)),
        "self.str.replace(self.before, self.after) == 'does not matter'", 629154, 4, 12,
    ),
    (
        lambda n: obj(str=text(n), separator=text(n)),
        "self.str.split(self.separator) == []", 629160, 10, 22,
    ),
    (text, "self.lowerAscii() == 'lower!'", 314575, 10, 6),
    (lambda n: map_of(of("integer"), n), "oldSelf.size() == self.size()", 5, 10, 5),
    (lambda n: map_of(of("date-time"), n), "self['a'] == self['b']", 8, 7, 8),
    (lambda n: map_of(of("duration"), n), "self['c'] == self['d']", 8, 42, 8),
    (lambda n: text(n, enum=["A", "B", "C", "LongValue"]), "self.contains('A')", 2, 1000, 401),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "rule", "free", "limit", "set_"), CASES)
def test_estimates_are_upstreams(schema: Any, rule: str, free: int, limit: int, set_: int) -> None:
    found = cost(schema(None), rule)
    assert found == free if free >= 0 else found > RULE_LIMIT
    assert cost(schema(limit), rule) == set_


def rules(schema: Json, *texts: str, **more: Any) -> Json:
    return {**schema, "x-kubernetes-validations": [{"rule": text, **more} for text in texts]}


def said(schema: Json) -> list[str]:
    return [f"{one.field}: {one.message}" for one in validate_schema(obj(a=schema), "s")]


HINT = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, "
    "maps, and strings are declared)"
)
AT = "s.properties[a].x-kubernetes-validations"


def test_a_rule_that_costs_too_much() -> None:
    numbers = array(of("integer"), None)
    assert said(rules(numbers, "self.all(x, self.all(y, x == y))")) == [
        f"{AT}[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x "
        f"{HINT}",
        f"{AT}[0].rule: Forbidden: contributed to estimated rule cost total exceeding cost limit "
        "for entire OpenAPIv3 schema",
        "s: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 "
        f"schema exceeds budget by factor of more than 100x {HINT}",
    ]
    assert said(rules(array(of("integer"), 1000), "self.all(x, self.all(y, x == y))")) == []
    assert said(rules(array(of("integer"), 1700), "self.all(x, self.all(y, x == y))")) == [
        f"{AT}[0].rule: Forbidden: estimated rule cost exceeds budget by factor of 1.445850x {HINT}"
    ]


def test_rules_below_lists_are_run_for_every_item() -> None:
    many = array(rules(text(None), "self.contains('abcd')"), None)
    assert said(many)[0] == (
        "s.properties[a].items.x-kubernetes-validations[0].rule: Forbidden: estimated rule cost "
        f"exceeds budget by factor of more than 100x {HINT}"
    )
    assert said(array(rules(text(10), "self.contains('abcd')"), 100)) == []


def test_a_message_can_cost_too_much() -> None:
    told = {"messageExpression": "self + self + self + self + self + self + self"}
    many = rules(array(text(None), 100), "true", messageExpression="self.join(self.join('x'))")
    assert said(many)[0].startswith(f"{AT}[0].messageExpression: Forbidden: estimated message")
    assert said(rules(text(None), "true", **told)) == []


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        (
            {"rule": "self.nothing > 1"},
            f'{AT}[0].rule: Invalid value: apiextensions.ValidationRule{{Rule:"self.nothing > 1", '
            'Message:"", MessageExpression:"", Reason:(*apiextensions.FieldValueErrorReason)(nil), '
            'FieldPath:"", OptionalOldSelf:(*bool)(nil)}: compilation failed: ERROR: <input>:1:5: '
            "undefined field 'nothing'\n | self.nothing > 1\n | ....^",
        ),
        ({"rule": "self.n"}, "cel expression must evaluate to a bool"),
        ({"rule": "self.n == 'a'"}, "found no matching overload for '_==_' applied to '(int, str"),
        ({"rule": "self.at > 1"}, "applied to '(timestamp, int)'"),
        ({"rule": "self.ats.all(t, t > self.at)", "messageExpression": "self.n"},
         "messageExpression must evaluate to a string"),
        ({"rule": "true", "messageExpression": "'a' +"},
         "messageExpression compilation failed: ERROR: <input>:1:6: Syntax error"),
        (
            {"rule": "true", "reason": "Odd"},
            f'{AT}[0].reason: Unsupported value: "Odd": supported values: "FieldValueDuplicate", '
            '"FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"',
        ),
        (
            {"rule": "true", "fieldPath": ".m"},
            f'{AT}[0].fieldPath: Invalid value: ".m": fieldPath must be a valid path',
        ),
        (
            {"rule": "true", "message": "  "},
            f'{AT}[0].message: Invalid value: "  ": message must be non-empty if specified',
        ),
        (
            {"rule": "true &&\ntrue"},
            f"{AT}[0].message: Required value: message must be specified if rule contains line bre",
        ),
        (
            {"rule": "true", "optionalOldSelf": True},
            f"{AT}[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used ",
        ),
        ({"rule": "self.ats == oldSelf.value().ats", "optionalOldSelf": True}, ""),
        ({"rule": "self.n > 0", "fieldPath": ".n", "reason": "FieldValueRequired"}, ""),
    ],
)  # fmt: skip
def test_rules_are_checked_when_they_are_written(rule: Json, complaint: str) -> None:
    schema = obj(n=of("integer"), at=of("date-time"), ats=array(of("date-time"), 5))
    found = said({**schema, "x-kubernetes-validations": [rule]})
    assert len(found) == bool(complaint), found
    assert all(complaint in one for one in found), found


def test_defaults_keep_the_rules() -> None:
    pair = {**obj(n=of("integer"), m=of("integer")), "default": {"n": 2, "m": 1}}
    assert said(rules(pair, "self.n <= self.m", message="too much")) == [
        's.properties[a].default: Invalid value: "object": too much'
    ]
    assert said(rules(pair, "self.n > self.m")) == []


def test_old_values_of_what_cannot_be_told_apart() -> None:
    items = rules(text(5), "self == oldSelf")
    assert said(array(items, 5)) == [
        "s.properties[a].items.x-kubernetes-validations[0].rule: Invalid value: "
        '"self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema '
        "within s.properties[a]"
    ]
