"""Any expression: never anything but a value or an error, never without end; and the same value as
Google's engine gives."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from k8slite.objects.cel.environment import Environment, Failed, Uncompilable
from k8slite.objects.cel.estimate import worst_cost
from k8slite.objects.cel.frame import Frame
from k8slite.objects.cel.types import DYN, INT, STRING, Type, list_of, map_of
from k8slite.objects.cel.values import Duration, Timestamp

FREE = Environment({"self": DYN})
TYPED = Environment(
    {
        "self": Type(
            "selfType",
            fields={
                "n": Type("int", most=0),
                "s": Type("string", most=20),
                "l": list_of(Type("string", most=20), 10),
                "m": map_of(STRING, INT, 10),
            },
        )
    }
)
VALUE: dict[str, Any] = {"n": 3, "s": "a-b", "l": ["x", "yz", ""], "m": {"a": 1, "b": -2}}

NAMES = st.sampled_from(["self.n", "self.s", "self.l", "self.m", "self", "self.none", "x", "y"])
LITERALS = st.sampled_from(
    [
        *("0", "1", "-7", "2.5", "3u", "'a'", "''", "b'a'", "true", "false", "null"),
        *("[]", "[1, 2]", "{}", "{'a': 1}", "9223372036854775807", "'2026-01-01T00:00:00Z'"),
        "'1h'",
    ]
)
OPERATORS = st.sampled_from(
    ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in"]
)
FUNCTIONS = st.sampled_from(
    ["size", "int", "uint", "double", "string", "bool", "bytes", "type", "dyn", "timestamp",
     "duration"]
)  # fmt: skip
METHODS = st.sampled_from(["startsWith", "endsWith", "contains", "matches", "split", "indexOf"])
MACROS = st.sampled_from(["all", "exists", "exists_one", "filter", "map"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, OPERATORS, inner),
        st.builds("!{}".format, inner),
        st.builds("-({})".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("{}({})".format, FUNCTIONS, inner),
        st.builds("{}.{}({})".format, inner, METHODS, inner),
        st.builds("{}.{}({}, {})".format, inner, MACROS, st.sampled_from("xy"), inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{'k': {}}}".format, inner),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("has({}.{})".format, inner, st.sampled_from(["n", "s", "k", "none"])),
        st.builds("{}.?k.orValue({})".format, inner, inner),
    )


EXPRESSIONS = st.recursive(NAMES | LITERALS, grown, max_leaves=8)
TEXTS = st.text("self.n1'\"()[]{}+-*/%&|!?:,<>= \n\\abrutxé@`", max_size=30)


@cache
def engine() -> Any:
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_optional, ext_strings

    extensions = [ext_strings.ExtStrings(), ext_optional.ExtOptional()]
    return cel.NewEnv(variables={"self": cel.Type.DYN}, extensions=extensions)


def ours(environment: Environment, text: str) -> Any:
    """A value, or why there is none."""
    try:
        expression = environment.compile(text)
    except Uncompilable as error:
        return "uncompilable", str(error)
    assert worst_cost(expression.checked) >= 0
    frame = Frame({"self": VALUE}, 100_000)
    try:
        return "value", expression.evaluate_in(frame)
    except Failed as error:
        return "failed", str(error)


def theirs(text: str) -> Any:
    environment = engine()
    try:
        program = environment.compile(text)
    except (RuntimeError, ValueError) as error:
        return "uncompilable", str(error)
    try:
        found = program.eval(environment.Activation({"self": VALUE}))
        value = found.plain_value()
    except (RuntimeError, ValueError, TypeError) as error:
        return "failed", str(error)
    return ("failed", str(value)) if found.type().name() == "ERROR" else ("value", value)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Timestamp):
        return isinstance(other, datetime) and one.at() == other
    if isinstance(one, Duration):
        return (
            isinstance(other, timedelta)
            and one.nanoseconds == other // timedelta(microseconds=1) * 1000
        )
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(same(value, other[key]) for key, value in one.items())
        )
    return isinstance(one, Type) or (
        one == other and isinstance(one, bool) == isinstance(other, bool)
    )


@settings(max_examples=300)
@given(text=EXPRESSIONS)
def test_the_same_as_googles_engine(text: str) -> None:
    found, expected = ours(FREE, text), theirs(text)
    if expected[0] == "uncompilable" or found[0] == "uncompilable":
        return  # ours refuses lists of different types, as upstream's is told to
    assert found[0] == expected[0], (text, found, expected)
    if found[0] == "value":
        assert same(found[1], expected[1]), (text, found, expected)


@settings(max_examples=300)
@given(text=EXPRESSIONS)
def test_any_expression_over_types(text: str) -> None:
    ours(TYPED, text)


@settings(max_examples=300)
@given(text=TEXTS)
@example("'\\")
@example("1.e5")
@example("`a`")
def test_any_text(text: str) -> None:
    """What ours can read, Google's can; and what it cannot, it cannot either."""
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_optional

    environment = cel.NewEnv(variables={}, extensions=[ext_optional.ExtOptional()])
    found = ours(FREE, text)
    try:
        environment.compile(text, disable_check=True)
    except (RuntimeError, ValueError) as error:
        assert found[0] == "uncompilable", (text, error)
    else:
        is_unread = found[0] == "uncompilable" and "Syntax" in found[1]
        assert not is_unread, (text, found)
