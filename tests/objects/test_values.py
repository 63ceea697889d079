"""Quantities, selectors and names, as upstream reads them."""

import pytest

from k8slite.objects import names, quantity
from k8slite.objects.selectors import parse_fields, parse_selector, selector_of


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0.5", "500m"), ("1024Mi", "1Gi"), ("1000m", "1"), ("1.5Gi", "1536Mi"), ("12e6", "12e6"),
        (1, "1"), (0.1, "100m"), ("0.1m", "100u"), ("0.0001n", "1n"), ("-1.5", "-1500m"),
        ("1048576Ki", "1Gi"), ("512", "512"), ("10Ei", "9223372036854775807"), ("0", "0"),
    ],
)  # fmt: skip
def test_quantities_are_made_canonical(text, canonical):
    assert quantity.canonical(text) == canonical


def test_quantities_are_rounded_away_from_zero():
    assert (quantity.milli("0.1m"), quantity.whole("1.2"), quantity.whole("-1.2")) == (1, 2, -2)
    for text in ("abc", "", "1x", "1.2.3"):
        with pytest.raises(ValueError, match="must match the regular expression"):
            quantity.canonical(text)


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("a=b,c!=d", {"a": "b"}, True), ("a in (x,y),!z", {"a": "y"}, True),
        ("a notin (x)", {}, True), ("a", {"a": ""}, True), ("!a", {"a": ""}, False),
        ("a>5", {"a": "6"}, True), ("a<5", {"a": "x"}, False), ("", {}, True),
        ("a in ()", {"a": ""}, True), ("a==b", {"a": "c"}, False),
    ],
)  # fmt: skip
def test_label_selectors_match(text, labels, matches):
    assert parse_selector(text).matches(labels) is matches


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a===b", "unable to parse requirement: found '=', expected: identifier"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a,", "found '', expected: identifier after ','"),
    ],
)
def test_wrong_label_selectors_are_refused(text, message):
    with pytest.raises(ValueError) as refused:
        parse_selector(text)
    assert str(refused.value) == message


def test_absent_selectors_match_nothing_and_empty_ones_everything():
    assert not selector_of(None).matches({})
    assert selector_of({}).matches({"a": "b"})
    expression = {"key": "a", "operator": "In", "values": ["b"]}
    assert selector_of({"matchExpressions": [expression]}).matches({"a": "b"})


def test_field_selectors_are_read():
    assert parse_fields(r"a=b\,c,d!=e") == (("a", "=", "b,c"), ("d", "!=", "e"))
    with pytest.raises(ValueError, match=r"^invalid selector: 'a'; can't understand 'a'$"):
        parse_fields("a")


def test_names_are_judged():
    assert names.is_dns1123_label("a.b") == ["must not contain dots"]
    assert names.is_path_segment_name("a/b") == ["may not contain '/'"]
    assert names.is_qualified_name("example.com/a") == []
    assert names.is_port_number(0) == ["must be between 1 and 65535, inclusive"]
