"""Schemas of custom resources: structure, defaults, rules. Pure."""

from __future__ import annotations

from typing import Any

import pytest

from k8slite.kinds.apiextensions.custom_rules import check_rules, rules_in_turns
from k8slite.kinds.apiextensions.rule_types import escaped
from k8slite.kinds.apiextensions.schema_validation import validate_schema
from k8slite.objects.json_path import BadPath, field_names, parse_path
from k8slite.objects.structural import Structural
from k8slite.objects.structural_validation import validate_values

Json = dict[str, Any]
INTEGER: Json = {"type": "integer"}
STRING: Json = {"type": "string"}


def obj(properties: Json, **more: Any) -> Json:
    return {"type": "object", "properties": properties, **more}


def rule(text: str, **more: Any) -> Json:
    return {"rule": text, **more}


def said(causes: Any) -> list[str]:
    return [f"{one.field}: {one.message}" for one in causes]


def checked(schema: Json, new: Json, old: Json | None = None) -> list[str]:
    return said(check_rules(Structural.of(schema), new, old))


def test_rules_and_their_words() -> None:
    schema = obj(
        {
            "spec": obj(
                {"min": INTEGER, "max": INTEGER, "a-b": STRING},
                **{
                    "x-kubernetes-validations": [
                        rule("self.min <= self.max"),
                        rule("self.max < 10", message="too many"),
                        rule("self.max < 10", messageExpression="'%d are many'.format([self.max])"),
                        rule("self.min > 0", reason="FieldValueForbidden", fieldPath=".min"),
                        rule("has(self.a__dash__b)", reason="FieldValueRequired"),
                    ]
                },
            )
        }
    )
    assert checked(schema, {"spec": {"min": 1, "max": 2, "a-b": "x"}}) == []
    assert checked(schema, {"spec": {"min": 20, "max": 15, "a-b": "x"}}) == [
        'spec: Invalid value: "object": failed rule: self.min <= self.max',
        'spec: Invalid value: "object": too many',
        'spec: Invalid value: "object": 15 are many',
    ]
    assert checked(schema, {"spec": {"min": 0, "max": 1}}) == [
        "spec.min: Forbidden: failed rule: self.min > 0",
        "spec: Required value: failed rule: has(self.a__dash__b)",
    ]
    assert checked(schema, {"spec": {"max": 1}})[0] == (
        'spec: Invalid value: "object": no such key: min evaluating rule: self.min <= self.max'
    )


def test_rules_of_transitions() -> None:
    held = {**STRING, "x-kubernetes-validations": [rule("self == oldSelf", message="is fixed")]}
    once = {
        **INTEGER,
        "x-kubernetes-validations": [rule("self > oldSelf.orValue(-1)", optionalOldSelf=True)],
    }
    items = {"type": "array", "items": obj({"name": STRING, "size": held})}
    keyed = {
        **items,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    }
    schema = obj({"held": held, "once": once, "loose": items, "keyed": keyed})
    first = {"held": "a", "once": 1}
    assert checked(schema, first) == []
    assert checked(schema, {"held": "b", "once": 0}, first) == [
        'held: Invalid value: "string": is fixed',
        'once: Invalid value: "integer": failed rule: self > oldSelf.orValue(-1)',
    ]
    one, other = [{"name": "n", "size": "1"}], [{"name": "n", "size": "2"}]
    assert checked(schema, {"loose": other}, {"loose": one}) == []
    assert checked(schema, {"keyed": other}, {"keyed": one}) == [
        'keyed[0].size: Invalid value: "string": is fixed'
    ]


def test_what_was_let_in_before_may_stay() -> None:
    strict = {**INTEGER, "minimum": 5, "x-kubernetes-validations": [rule("self > 5")]}
    schema = obj({"n": strict, "m": strict})
    old = {"n": 1, "m": 1}
    assert checked(schema, {"n": 1, "m": 2}, old) == [
        'm: Invalid value: "integer": failed rule: self > 5'
    ]
    assert said(validate_values(Structural.of(schema), {"n": 1, "m": 2}, old)) == [
        "m: Invalid value: 2: m in body should be greater than or equal to 5"
    ]


def test_values_have_their_schema_s_types() -> None:
    schema = obj(
        {
            "rate": {"type": "number"},
            "at": {**STRING, "format": "date-time"},
            "for": {**STRING, "format": "duration"},
            "raw": {**STRING, "format": "byte"},
            "any": {"x-kubernetes-int-or-string": True},
            "tags": {"type": "object", "additionalProperties": STRING},
        },
        **{
            "x-kubernetes-validations": [
                rule("self.rate == 1.0 && type(self.rate) == double"),
                rule("self.at < timestamp('2030-01-01T00:00:00Z')"),
                rule("self.__for__ == duration('90m')"),
                rule("self.raw == b'hi'"),
                rule("type(self.any) == int ? self.any > 0 : self.any.endsWith('%')"),
                rule("self.tags.all(k, k.startsWith('a-')) && self.tags['a-b'] == 'c'"),
                rule("self.metadata.name == 'n' && self.kind == 'K'"),
            ]
        },
    )
    whole = {
        "kind": "K",
        "metadata": {"name": "n", "labels": {}},
        "rate": 1,
        "at": "2026-01-01T00:00:00Z",
        "for": "1h30m",
        "raw": "aGk=",
        "any": "5%",
        "tags": {"a-b": "c"},
    }
    assert checked(schema, whole) == []


def test_escaped_names() -> None:
    assert escaped("a-b.c/d__e") == "a__dash__b__dot__c__slash__d__underscores__e"
    assert escaped("namespace") == "__namespace__"


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({}, "s.type: Required value: must not be empty at the root"),
        ({"type": "array", "items": STRING}, 's.type: Invalid value: "array": must be object at'),
        (obj({"a": {}}), "s.properties[a].type: Required value: must not be empty for specified o"),
        (obj({"a": {"type": "array"}}), "s.properties[a].items: Required value: must be specified"),
        (obj({"a": {"type": "text"}}), 's.properties[a].type: Unsupported value: "text": suppor'),
        (obj({}, anyOf=[{"type": "object"}]), "s.anyOf[0].type: Forbidden: must be empty to"),
        (obj({"a": {**STRING, "pattern": "("}}), 's.properties[a].pattern: Invalid value: "(": mu'),
        (obj({"a": {**INTEGER, "default": "x"}}), 's.properties[a].default: Invalid value: "str'),
        (obj({"a": obj({}, default={"b": 1})}), "s.properties[a].default: Invalid value: {"),
        (obj({"a": obj({"b": STRING}, additionalProperties=STRING)}), "s.properties[a].additional"),
        (obj({"metadata": obj({"labels": obj({})})}), "s.properties[metadata]: Forbidden: must"),
        (
            obj({"a": {"type": "array", "items": STRING, "x-kubernetes-list-type": "map"}}),
            "s.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if",
        ),
        (
            obj({}, **{"x-kubernetes-validations": [rule("self.x ==")]}),
            's.x-kubernetes-validations[0].rule: Invalid value: apiextensions.ValidationRule{R',
        ),
        (
            obj({}, **{"x-kubernetes-validations": [rule("'a'")]}),
            "s.x-kubernetes-validations[0].rule: Invalid value: apiextensions.ValidationRule{Rule",
        ),
    ],
)  # fmt: skip
def test_schemas_that_are_not_structural(schema: Json, complaint: str) -> None:
    found = said(validate_schema(schema, "s"))
    assert found and found[0].startswith(complaint), found


def test_good_schemas() -> None:
    items = {"type": "array", "items": STRING, "default": ["a"]}
    either = {
        "x-kubernetes-int-or-string": True,
        "anyOf": [{"type": "integer"}, {"type": "string"}],
    }
    schema = obj(
        {"a": obj({"b": items}, default={}), "c": either, "d": {**STRING, "pattern": "^a"}}
    )
    assert validate_schema(schema, "s") == []


def test_paths() -> None:
    whole = {"a": [{"t": "x", "v": 1}, {"t": "y", "v": 2}], "b": {"c.d": 3}}

    def found(path: str) -> list[Any]:
        return list(parse_path(path)(whole))

    assert found(".a[0].v") == [1]
    assert found(".a[*].v") == [1, 2]
    assert found('.a[?(@.t=="y")].v') == [2]
    assert found(".b['c.d']") == found(".b.c\\.d") == [3]
    assert found(".a[-1].t") == ["y"]
    assert found(".nothing.here") == []
    assert field_names(".spec.a") == ("spec", "a")
    for wrong in ("spec", ".a[0]", "", ".a[*]"):
        with pytest.raises(BadPath):
            field_names(wrong)


def test_times_and_lists_as_rules_see_them() -> None:
    schema = obj(
        {
            "ats": {"type": "array", "items": {**STRING, "format": "date-time"}},
            "waits": {"type": "object", "additionalProperties": {**STRING, "format": "duration"}},
            "tags": {"type": "array", "items": STRING, "x-kubernetes-list-type": "set"},
            "parts": {
                "type": "array",
                "items": obj({"name-x": STRING, "n": INTEGER}),
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name-x"],
            },
            "share": {"type": "number"},
        },
        **{
            "x-kubernetes-validations": [
                rule("self.ats.all(t, t < timestamp('2027-01-01T00:00:00Z'))"),
                rule("self.waits.all(k, self.waits[k] <= duration('1h'))"),
                rule("self.tags == ['b', 'a'] && size(self.tags + ['a', 'c']) == 3"),
                rule("self.parts.exists(p, p.name__dash__x == 'a') && self.share / 2.0 == 0.5"),
                rule("size(self.parts + self.parts) == size(self.parts)"),
            ]
        },
    )
    good = {
        "ats": ["2026-01-01T00:00:00Z"],
        "waits": {"a": "30m", "b": "1h"},
        "tags": ["a", "b"],
        "parts": [{"name-x": "a", "n": 1}, {"name-x": "b", "n": 2}],
        "share": 1,
    }
    assert checked(schema, good) == []
    late = {**good, "ats": ["2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z"], "waits": {"a": "2h"}}
    assert [one.partition(": failed rule: ")[2][:12] for one in checked(schema, late)] == [
        "self.ats.all",
        "self.waits.a",
    ]


def test_rules_run_out_of_their_budget() -> None:
    items = {"type": "array", "items": INTEGER}
    costly = "self.l.all(x, self.l.all(y, self.l.all(z, x + y + z >= 0)))"
    schema = obj({"l": items}, **{"x-kubernetes-validations": [rule(costly), rule("false")]})
    assert checked(schema, {"l": list(range(200))}) == [
        "<nil>: Invalid value: \"object\": 'operation cancelled: actual cost limit exceeded': no "
        f"further validation rules will be run due to call cost exceeds limit for rule: {costly}"
    ]
    square = "self.l.all(x, self.l.all(y, x + y >= 0))"
    schema = obj({"l": items}, **{"x-kubernetes-validations": [rule(square)] * 50})
    assert checked(schema, {"l": list(range(300))})[-1].endswith(
        "validation failed due to running out of cost budget, no further validation rules will be "
        "run"
    )


def test_rules_that_take_long_let_others_have_their_turns() -> None:
    dear = "self.all(x, self.all(y, x + y >= 0))"
    items = {"type": "array", "items": INTEGER, "maxItems": 300}
    numbers = {
        **items,
        "x-kubernetes-validations": [rule(dear), rule(dear), rule("size(self) > 300")],
    }
    schema = Structural.of(obj({"numbers": numbers}))
    new = {"numbers": list(range(250))}
    turns = list(rules_in_turns(schema, new, None))
    assert turns.count(None) >= 2  # one after each of the dear rules
    assert [one for one in turns if one is not None] == check_rules(schema, new, None)
    assert len(check_rules(schema, new, None)) == 1
    cheap = {"numbers": [1, 2, 3]}
    assert list(rules_in_turns(schema, cheap, None)) == check_rules(schema, cheap, None)


def array(items: Json, **more: Any) -> Json:
    dashed = {key.replace("_", "-"): value for key, value in more.items()}
    return {"type": "array", "items": items, **dashed}


KEYED: Json = {"x_kubernetes_list_type": "map", "x_kubernetes_list_map_keys": ["k"]}
ITEM: Json = obj({"k": STRING}, required=["k"])
EMBEDDED: Json = {"x-kubernetes-embedded-resource": True}
IN_A = "s.properties[a]"
NEEDED = (
    "default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a "
    "default or be a required property"
)
NEVER_NULL = (
    "nullable: Forbidden: this property is in x-kubernetes-list-map-keys, so it cannot be nullable"
)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        # Junctors only constrain, and what they constrain is there.
        (
            obj(
                {"a": STRING},
                anyOf=[
                    {
                        "nullable": True,
                        "title": "t",
                        "default": {},
                        "additionalProperties": STRING,
                        "x-kubernetes-list-type": "set",
                        "x-kubernetes-validations": [rule("true")],
                    }
                ],
            ),
            [
                "s.anyOf[0].type: Required value: must be array if x-kubernetes-list-type is "
                "specified",
                "s.anyOf[0].additionalProperties: Forbidden: must be undefined to be structural",
                "s.anyOf[0].default: Forbidden: must be undefined to be structural",
                "s.anyOf[0].nullable: Forbidden: must be false to be structural",
                "s.anyOf[0].title: Forbidden: must be empty to be structural",
                "s.anyOf[0].x-kubernetes-list-type: Forbidden: must be undefined to be structural",
                "s.anyOf[0].x-kubernetes-validations: Forbidden: must be empty to be structural",
            ],
        ),
        (
            obj({}, oneOf=[{"properties": {"a": {"items": {"minLength": 1}}}}]),
            [
                f"{IN_A}: Required value: because it is defined in s.oneOf[0].properties[a]",
            ],
        ),
        (
            obj({}, allOf=[{"properties": {"metadata": {}}}]),
            [
                "s.allOf[0].properties[metadata]: Forbidden: must not be specified in a nested "
                "context",
                "s.properties[metadata]: Required value: because it is defined in "
                "s.allOf[0].properties[metadata]",
            ],
        ),
        # What every object has.
        (
            obj({"kind": INTEGER, "metadata": obj({"name": STRING})}),
            [
                's.properties[kind].type: Invalid value: "integer": must be string',
            ],
        ),
        (
            obj({"kind": {**STRING, "default": "X"}}),
            ["s.properties[kind].default: Forbidden: must not be set in top-level kind"],
        ),
        (
            obj({"a": {"type": "string", **EMBEDDED}}),
            [
                f"{IN_A}.properties: Required value: must not be empty if "
                "x-kubernetes-embedded-resource is true without "
                "x-kubernetes-preserve-unknown-fields",
                f'{IN_A}.type: Invalid value: "string": must be object if '
                "x-kubernetes-embedded-resource is true",
            ],
        ),
        (
            obj(
                {
                    "a": {
                        "x-kubernetes-int-or-string": True,
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                }
            ),
            [
                f"{IN_A}.x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false "
                "if x-kubernetes-int-or-string is true"
            ],
        ),
        (
            obj({}, additionalProperties=STRING),
            ["s.additionalProperties: Forbidden: must not be used at the root"],
        ),
        # Lists and maps.
        (
            obj({"a": array(ITEM, x_kubernetes_list_type="map")}),
            [
                f"{IN_A}.x-kubernetes-list-map-keys: Required value: must not be empty if "
                "x-kubernetes-list-type is map"
            ],
        ),
        (
            obj({"a": array(ITEM, x_kubernetes_list_map_keys=["k"])}),
            [
                f"{IN_A}.x-kubernetes-list-type: Required value: must be map if "
                "x-kubernetes-list-map-keys is non-empty"
            ],
        ),
        (
            obj(
                {
                    "a": array(
                        obj({"k": {**STRING, "nullable": True}, "l": obj({})}, nullable=True),
                        x_kubernetes_list_type="map",
                        x_kubernetes_list_map_keys=["k", "k", "l", "m"],
                    )
                }
            ),
            [
                f'{IN_A}.x-kubernetes-list-map-keys: Invalid value: ["k","k","l","m"]: must not '
                "contain duplicate entries",
                f'{IN_A}.items.properties[l].type: Invalid value: "object": must be a scalar type '
                "if parent array's x-kubernetes-list-type is map",
                f'{IN_A}.x-kubernetes-list-map-keys: Invalid value: ["k","k","l","m"]: entries '
                "must all be names of item properties",
                f"{IN_A}.items.nullable: Forbidden: cannot be nullable when "
                "x-kubernetes-list-type is map",
                *(f"{IN_A}.items.properties[k].{what}" for what in (NEEDED, NEVER_NULL) * 2),
                f"{IN_A}.items.properties[l].{NEEDED}",
            ],
        ),
        (
            obj({"a": array(obj({"k": STRING}), x_kubernetes_list_type="set")}),
            [
                f"{IN_A}.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item "
                "of a list with x-kubernetes-list-type=set"
            ],
        ),
        (
            obj(
                {
                    "a": array(
                        array(STRING, x_kubernetes_list_type="set"), x_kubernetes_list_type="set"
                    )
                }
            ),
            [
                f'{IN_A}.items.x-kubernetes-list-type: Invalid value: "set": must be atomic as '
                "item of a list with x-kubernetes-list-type=set"
            ],
        ),
        (
            obj({"a": {**STRING, "x-kubernetes-map-type": "odd"}}),
            [
                f'{IN_A}.type: Invalid value: "string": must be object if x-kubernetes-map-type is '
                "specified",
                f'{IN_A}.x-kubernetes-map-type: Unsupported value: "odd": supported values: '
                '"atomic", "granular"',
            ],
        ),
        (obj({"a": array(ITEM, **KEYED)}), []),
        (obj({"a": {"type": "object", "additionalProperties": False}}), []),
    ],
)
def test_what_is_wrong_with_a_schema_in_upstreams_order(schema: Json, expected: list[str]) -> None:
    assert said(validate_schema(schema, "s")) == expected


def test_what_was_let_in_stays_while_it_is_the_same() -> None:
    items = array(obj({"k": STRING, "n": {**INTEGER, "maximum": 5}}, required=["k"]), **KEYED)
    schema = Structural.of(obj({"items": items, "all": {**INTEGER, "maximum": 5}}))
    old = {"all": 9, "items": [{"k": "a", "n": 9}, {"k": "b", "n": 1}]}

    def wrong(**change: Any) -> list[str]:
        return [one.field for one in validate_values(schema, {**old, **change}, old)]

    assert wrong() == []
    assert wrong(all=8) == ["all"]
    assert wrong(all=9.0) == ["all"]
    # Items are found by their keys, wherever they stand now.
    assert wrong(items=[{"k": "b", "n": 1}, {"k": "a", "n": 9}]) == []
    assert wrong(items=[{"k": "a", "n": 9}, {"k": "b", "n": 9}]) == ["items[1].n"]
    # What belongs to an item is the same while it is, though the item changes.
    assert wrong(items=[{"k": "a", "n": 9, "odd": 1}]) == []
    # Lists without keys are one value: their items are looked at anew.
    free = Structural.of(obj({"l": array({**INTEGER, "maximum": 5})}))
    found = validate_values(free, {"l": [9, 1]}, {"l": [9]})
    assert [one.field for one in found] == ["l[0]"]


def test_rules_ratchet_but_for_those_that_look_back() -> None:
    spec = obj({"n": INTEGER}, **{"x-kubernetes-validations": [rule("self.n < 5", message="few")]})
    schema = obj({"a": spec, "b": INTEGER})
    assert checked(schema, {"a": {"n": 9}, "b": 2}, {"a": {"n": 9}, "b": 1}) == []
    assert len(checked(schema, {"a": {"n": 8}, "b": 2}, {"a": {"n": 9}, "b": 1})) == 1
    spec["x-kubernetes-validations"] = [rule("self.n > oldSelf.n")]
    assert len(checked(schema, {"a": {"n": 9}}, {"a": {"n": 9}})) == 1


def test_parts_of_maps_can_be_told_apart_even_of_atomic_ones() -> None:
    part = {**STRING, "x-kubernetes-validations": [rule("self == oldSelf")]}
    schema = obj({"a": obj({"p": part}, **{"x-kubernetes-map-type": "atomic"})})
    assert said(validate_schema(schema, "s")) == []
