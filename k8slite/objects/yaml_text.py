"""YAML as Kubernetes reads it: one document, into what JSON can say.

Words without quotes are what Go's parser takes them for: YAML 1.1 with its `yes` and `off` and
octal numbers, but times stay texts, and there are no numbers to the base of 60.

A key that comes twice is no error: the last one counts. Who wants to know asks for
`duplicate_keys`, whose words are those of Go's parser (upstream: `sigs.k8s.io/yaml`).
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

import orjson

from k8slite.objects.schema_duplicates import duplicate_fields


def load(text: bytes) -> Any:
    """What a text says. Raises ValueError, with the parser's words."""
    try:
        return orjson.loads(text)  # JSON is YAML, but for what its escapes stand for
    except orjson.JSONDecodeError:
        return _loaded(text)[0]


def duplicate_keys(text: bytes) -> str:
    """A complaint about the keys that come twice, "" if none does; the text can be loaded."""
    try:
        if not duplicate_fields(text):
            return ""  # JSON is nearly always without, which is found out by counting
    except ValueError:
        pass  # it is no JSON
    found = _loaded(text)[1]
    return "\n  ".join(("yaml: unmarshal errors:", *found)) if found else ""


def _loaded(text: bytes) -> tuple[Any, list[str]]:
    """What a text says, and its keys that come twice."""
    # Imported where they are needed: `up` does not need them.
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import SafeConstructor
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.nodes import ScalarNode
    from ruamel.yaml.resolver import VersionedResolver
    from ruamel.yaml.tag import Tag

    twice: list[str] = []

    class Resolver(VersionedResolver):
        """Takes a word without quotes for what Go does."""

        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            if kind is ScalarNode and implicit[0]:
                return Tag(suffix=f"tag:yaml.org,2002:{_sort(value)}")
            return super().resolve(kind, value, implicit)

    class Constructor(SafeConstructor):
        """Lets the last of several keys count, and notes where the others stood."""

        def check_mapping_key(
            self, node: Any, key_node: Any, mapping: Any, key: Any, value: Any
        ) -> bool:
            if key in mapping:
                # Upstream gives the line of the value, of a block the one that it begins in.
                at = next(of for name, of in node.value if name is key_node).start_mark
                twice.append(f"line {at.line + 1}: key {_quoted(key)} already set in map")
            return True

    for sort in ("bool", "int", "float", "merge"):
        # Not only for words without quotes: also for those with such a tag.
        Constructor.add_constructor(
            f"tag:yaml.org,2002:{sort}", lambda self, node: _finite(self.construct_scalar(node))
        )
    parser = YAML(typ="safe", pure=True)
    parser.Constructor = Constructor
    parser.Resolver = Resolver
    try:
        found = parser.load(text)
        # Dates and numbers for keys are texts in JSON.
        return orjson.loads(orjson.dumps(found, option=orjson.OPT_NON_STR_KEYS)), twice
    except (YAMLError, UnicodeDecodeError, TypeError) as error:
        raise ValueError(str(error)) from None


def _sort(word: str) -> str:
    """The last part of the tag that Go's parser gives a word without quotes."""
    if word == "<<":
        return "merge"
    value = _value(word)
    if value is None:
        return "null"
    return {bool: "bool", int: "int", float: "float"}.get(type(value), "str")


def _finite(word: str) -> Any:
    """A word's value. Raises ValueError for what JSON has no number for."""
    value = _value(word)
    if isinstance(value, float) and not math.isfinite(value):
        told = "NaN" if math.isnan(value) else f"{'+' if value > 0 else '-'}Inf"
        raise ValueError(f"json: unsupported value: {told}")
    return value


def _value(word: str) -> Any:
    """What a word without quotes stands for (upstream: `resolve` of goyaml.v2)."""
    if word in _WORDS:
        return _WORDS[word]
    if word[0] not in "+-.0123456789":
        return word
    digits = word.replace("_", "")
    if _INTEGER.fullmatch(digits):
        sign, digits = (-1 if digits[0] == "-" else 1), digits.lstrip("+-")
        base = _BASES.get(digits[:2].lower(), 8 if digits[0] == "0" else 10)
        number = sign * int(digits, base)
        if -(2**63) <= number < 2**64:
            return number
    if _FLOAT.fullmatch(digits):
        value = float(digits)
        # JSON of Go's has no point in a whole number.
        is_whole = abs(value) < _WHOLE_MOST and value == int(value)
        return int(value) if is_whole else value
    return word


_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **{
        told: value
        for words, value in (
            (("y", "yes", "true", "on"), True),
            (("n", "no", "false", "off"), False),
        )
        for word in words
        for told in (word, word.capitalize(), word.upper())
    },
    **{f"{sign}{w}": float("inf") for sign in ("", "+") for w in (".inf", ".Inf", ".INF")},
    **{f"-{w}": float("-inf") for w in (".inf", ".Inf", ".INF")},
    **{w: float("nan") for w in (".nan", ".NaN", ".NAN")},
}
_INTEGER: Final = re.compile(
    "[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)", re.ASCII
)
_FLOAT: Final = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)
_BASES: Final = {"0x": 16, "0b": 2, "0o": 8}
_WHOLE_MOST: Final = 2.0**63


def _quoted(key: Any) -> str:
    return json.dumps(key) if isinstance(key, str) else str(key)
