"""Expressions that choose devices: what upstream's own tests ask, with what it costs there."""

from __future__ import annotations

from typing import Any

import pytest

from k8slite.kinds.resource.device_selectors import COST_LIMIT, compile_selector, device_of
from k8slite.objects.cel.environment import Failed, Uncompilable
from tests.kinds.test_validation_rules import new

DRIVER = "dra.example.com"
TEN = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"
DEAR = "int('1'.find('[0-9]*')) < 100"
for NAME in ("z5", "z4", "z3", "z2", "z", "y", "x"):
    DEAR = f"{TEN}.all({NAME}, {DEAR})"

OF = f'device.attributes["{DRIVER}"]'
CAPACITY_OF = f'device.capacity["{DRIVER}"]'
YES: dict[str, Any] = {"bool": True}
ONE: dict[str, Any] = {"int": 1}
FISH: dict[str, Any] = {"string": "fish"}
VERSION: dict[str, Any] = {"version": "1.0.0"}
EXAMPLE: dict[str, Any] = {"string": "some_example_value"}
MEBI: dict[str, Any] = {"value": "1Mi"}
ALL = " && ".join(
    (
        f'{CAPACITY_OF}.quantity.isGreaterThan(quantity("1Ki"))',
        f"{OF}.bool",
        f"{OF}.int > 0",
        f'{OF}.string == "fish"',
        f'{OF}.version.isGreaterThan(semver("0.0.1"))',
        f'{CAPACITY_OF}["quantity"].isGreaterThan(quantity("1Ki"))',
        f'{OF}["bool"]',
        f'{OF}["int"] > 0',
        f'{OF}["string"] == "fish"',
        f'{OF}["version"].isGreaterThan(semver("0.0.1"))',
    )
)

# What is asked, the attributes, the capacities, what it costs at most, whether it matches.
MATCHES: list[tuple[str, dict[str, Any], dict[str, Any], int, bool]] = [
    ("true", {}, {}, 0, True),
    ("false", {}, {}, 0, False),
    ('"no-such-domain" in device.attributes', {}, {}, 3, False),
    (f'"{DRIVER}" in device.attributes', {f"{DRIVER}/something": YES}, {}, 3, True),
    (f'device.driver == "{DRIVER}"', {}, {}, 4, True),
    ('device.driver == ""', {}, {}, 2, False),
    (f"{OF}.name", {"name": YES}, {}, 4, True),
    (f'{OF}["name"]', {"name": YES}, {}, 4, True),
    (f'cel.bind(dra, device.attributes["{DRIVER}"], dra.name)', {"name": YES}, {}, 15, True),
    (
        'device.attributes["other.example.com"].name',
        {"other.example.com/name": YES},
        {},
        4,
        True,
    ),
    (f"{OF}.name > 0", {"name": ONE}, {}, 5, True),
    (f'{OF}.name == "fish"', {"name": FISH}, {}, 5, True),
    (f'{OF}.name.isGreaterThan(semver("0.0.1"))', {"name": VERSION}, {}, 6, True),
    (
        f'{OF}.name.isGreaterThan(semver("v0.0.1", true)) && isSemver("v1.0.0", true)',
        {"name": VERSION},
        {},
        7,
        True,
    ),
    (f'{CAPACITY_OF}.name.isGreaterThan(quantity("1Ki"))', {}, {"name": MEBI}, 6, True),
    (
        f'"name" in {CAPACITY_OF} && {CAPACITY_OF}.name.isGreaterThan(quantity("1Ki"))',
        {},
        {"name": MEBI},
        10,
        True,
    ),
    (
        f'!("name" in {CAPACITY_OF}) || {CAPACITY_OF}.name.isGreaterThan(quantity("1Ki"))',
        {},
        {},
        11,
        True,
    ),
    (
        ALL,
        {"bool": YES, "int": ONE, "string": FISH, "version": VERSION},
        {"quantity": MEBI},
        52,
        True,
    ),
    (f"{OF}.a && {OF}.b && {OF}.c", {"a": YES, "b": YES, "c": YES}, {}, 12, True),
    (f'device.attributes.exists_one(x, x == "{DRIVER}")', {"services": EXAMPLE}, {}, 164, True),
    (f'{OF}.exists_one(x, x == "services")', {"services": EXAMPLE}, {}, 133, True),
    (f'{OF}.services.split("example").size() >= 2', {"services": EXAMPLE}, {}, 19, True),
    (
        f'{OF}.services.matches("[^a]?sym")',
        {"services": {"string": "asymetric"}},
        {},
        18,
        True,
    ),
    (f'device.capacity.exists_one(x, x == "{DRIVER}")', {}, {"memory": MEBI}, 164, True),
    (f'{CAPACITY_OF}.exists_one(x, x == "memory")', {}, {"memory": MEBI}, 133, True),
    ("device.allowMultipleAllocations == false", {}, {}, 3, True),
    # A device answers every domain, whoever asks in whatever way.
    ("has(device.attributes.anything) && !has(device.attributes.anything.x)", {}, {}, 6, True),
    ("device.attributes.?anything.?x.orValue(true)", {}, {}, 5, True),
]


@pytest.mark.parametrize(
    ("text", "attributes", "capacity", "cost", "expected"),
    MATCHES,
    ids=[one[0][:60] for one in MATCHES],
)
def test_upstreams_questions_have_upstreams_answers_at_upstreams_price(
    text: str, attributes: dict[str, Any], capacity: dict[str, Any], cost: int, expected: bool
) -> None:
    selector = compile_selector(text)
    assert selector.worst_cost == cost
    assert selector.matches(device_of(DRIVER, attributes, capacity)) is expected


def test_a_device_that_is_shared_says_so() -> None:
    selector = compile_selector("device.allowMultipleAllocations")
    assert selector.matches(device_of(DRIVER, {}, {}, shared=True))


FAILURES: list[tuple[str, dict[str, Any], str]] = [
    (
        'device.attributes["no-such-domain"].noSuchAttr.isGreaterThan(quantity("0"))',
        {},
        "no such key: noSuchAttr",
    ),
    (
        'device.attributes["no-such-domain"]["noSuchAttr"].isGreaterThan(quantity("0"))',
        {},
        "no such key: noSuchAttr",
    ),
    (
        f"{OF}.name.exists(x, x > 0)",
        {"name": ONE},
        "got 'types.Int', expected iterable type",
    ),
    (
        f"{OF}.name.exists(x, x == true)",
        {"name": YES},
        "got 'types.Bool', expected iterable type",
    ),
    (
        f'{OF}.name.exists(x, x == "fish")',
        {"name": FISH},
        "got 'types.String', expected iterable type",
    ),
    (
        f'{OF}.name.exists(x, x.isGreaterThan(semver("0.0.1")))',
        {"name": VERSION},
        "got 'cel.Semver', expected iterable type",
    ),
    (f"{OF}.name", {"name": FISH}, "CEL result of type string could not be converted to bool"),
    (DEAR, {}, "actual cost limit exceeded"),
]


@pytest.mark.parametrize(
    ("text", "attributes", "said"), FAILURES, ids=[one[0][:60] for one in FAILURES]
)
def test_what_cannot_be_answered_says_why(text: str, attributes: dict[str, Any], said: str) -> None:
    with pytest.raises(Failed, match=said.replace("'", ".")):
        compile_selector(text).matches(device_of(DRIVER, attributes, {}))


def test_an_attribute_without_a_value_is_told() -> None:
    with pytest.raises(Failed, match="attribute model: unsupported attribute value"):
        device_of(DRIVER, {"model": {}}, {})
    with pytest.raises(Failed, match="attribute model: parse semantic version: No Major"):
        device_of(DRIVER, {"model": {"version": "one"}}, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("?!", "compilation failed: ERROR: <input>:1:1: Syntax error"),
        ("1", "must evaluate to bool or the unknown type, not int"),
        ("device.size > 1", "compilation failed: ERROR: <input>:1:7: undefined field 'size'"),
        ("devices", "compilation failed: ERROR: <input>:1:1: undeclared reference to 'devices'"),
        ("device.driver > 1", "found no matching overload for '_>_' applied to '.string, int.'"),
        ("cel.bind(a.b, 1, true)", "cel.bind.. variable names must be simple identifiers"),
    ],
)
def test_what_is_no_question_about_devices_is_refused(text: str, said: str) -> None:
    with pytest.raises(Uncompilable, match=said.replace("?", "[?]")):
        compile_selector(text)


def test_what_costs_too_much_is_known_beforehand() -> None:
    assert compile_selector(DEAR).worst_cost == 85_555_551 > COST_LIMIT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{OF}.ok", []),
        (DEAR, ["Forbidden: too complex, exceeds cost limit"]),
        ("1", ['Invalid value: "1": must evaluate to bool or the unknown type, not int']),
        ("d", ['Invalid value: "d": compilation failed: ERROR: <input>:1:1: undeclared']),
        ("x" * 10_241, ["Too long: may not be more than 10240 bytes"]),
    ],
)
def test_classes_and_claims_are_written_only_with_selectors_that_can_be_asked(
    text: str, said: list[str]
) -> None:
    selectors = [{"cel": {"expression": text}}]
    exactly = {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 1}
    request = {"name": "r", "exactly": {**exactly, "selectors": selectors}}
    for plural, spec, at in (
        ("deviceclasses", {"selectors": selectors}, "spec"),
        (
            "resourceclaims",
            {"devices": {"requests": [request]}},
            "spec.devices.requests[0].exactly",
        ),
    ):
        found = new("resource", plural, spec=spec)
        assert len(found) == len(said)
        for one, start in zip(found, said, strict=True):
            assert one.startswith(f"{at}.selectors[0].cel.expression: {start}")
