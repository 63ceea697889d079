"""YAML as Go's parser reads it (upstream: `sigs.k8s.io/yaml` on goyaml.v2)."""

from __future__ import annotations

from typing import Any

import pytest

from k8slite.objects.yaml_text import load

WORDS: list[tuple[str, Any]] = [
    ("yes", True),
    ("Off", False),
    ("y", True),
    ("yEs", "yEs"),
    ("'yes'", "yes"),
    ("~", None),
    ("Null", None),
    ("010", 8),
    ("0o17", 15),
    ("08", 8),
    ("0x1F", 31),
    ("-0b11", -3),
    ("1_000", 1000),
    ("+5", 5),
    ("1e3", 1000),
    ("1.", 1),
    (".5", 0.5),
    ("9223372036854775807", 9223372036854775807),
    ("18446744073709551616", 18446744073709551616.0),
    ("1:30", "1:30"),
    ("1.2.3", "1.2.3"),
    ("2001-12-14", "2001-12-14"),
    ("2001-12-14 21:59:43.10 -5", "2001-12-14 21:59:43.10 -5"),
    ("<<", "<<"),
    ("!!str 5", "5"),
    ("!!int '7'", 7),
]


@pytest.mark.parametrize(("word", "value"), WORDS)
def test_a_word_without_quotes(word: str, value: Any) -> None:
    found = load(f"a: {word}\nb: c".encode())["a"]
    assert (found, type(found)) == (value, type(value))


def test_keys_are_texts() -> None:
    assert load(b"yes: 1\n1.50: 2\n010: 3\n") == {"true": 1, "1.5": 2, "8": 3}


def test_merged_maps() -> None:
    assert load(b"a: &x {b: 1}\nc: {<<: *x}\n") == {"a": {"b": 1}, "c": {"b": 1}}


@pytest.mark.parametrize("word", [".inf", "-.Inf", ".nan"])
def test_numbers_that_json_has_not(word: str) -> None:
    with pytest.raises(ValueError, match="json: unsupported value"):
        load(f"a: {word}\nb: c".encode())
