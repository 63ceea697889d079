"""Label selectors and field selectors: which objects are meant.

    labels    `app=web,tier in (a, b),!canary`   (upstream: `apimachinery/pkg/labels`)
    fields    `metadata.name=web,spec.nodeName!=` (upstream: `apimachinery/pkg/fields`)

Both are read into values that are compared without being read again. Errors are ValueErrors
in upstream's words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from attrs import frozen

from k8slite.objects import fields, names

# How many selector texts are remembered: controllers and watchers repeat a few all the time.
_REMEMBERED: Final = 1024

FieldOperator = Literal["=", "!="]


class Requirement(NamedTuple):
    """One condition on one label; `operator` is =, ==, !=, in, notin, exists, !, gt or lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether it holds. A label that is absent satisfies `!=` and `notin`."""
        value = labels.get(self.key)
        operator = self.operator
        if operator in ("=", "==", "in"):
            return value is not None and value in self.values
        if operator in ("!=", "notin"):
            return value is None or value not in self.values
        if operator == "exists":
            return value is not None
        if operator == "!":
            return value is None
        if value is None or not _INTEGER.fullmatch(value):
            return False
        limit = int(self.values[0])
        return int(value) > limit if operator == "gt" else int(value) < limit

    def __str__(self) -> str:
        if self.operator in ("exists", "!"):
            return f"{'!' if self.operator == '!' else ''}{self.key}"
        listed = ",".join(sorted(self.values))
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({listed})"
        return f"{self.key}{_WRITTEN.get(self.operator, self.operator)}{listed}"


@frozen
class Selector:
    """All requirements must hold; none means everything. `nothing` matches no object at all."""

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is meant."""
        if self.nothing:
            return False
        return all(requirement.matches(labels) for requirement in self.requirements)

    @property
    def empty(self) -> bool:
        """Whether it leaves nothing out."""
        return not self.nothing and not self.requirements

    def exact(self, key: str) -> str | None:
        """The one value that a label must have, or None (upstream: `RequiresExactMatch`)."""
        for requirement in self.requirements:
            if requirement.key == key:
                fixed = requirement.operator in ("=", "==", "in") and len(requirement.values) == 1
                return requirement.values[0] if fixed else None
        return None

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)


EVERYTHING: Final = Selector()
NOTHING: Final = Selector(nothing=True)


@lru_cache(_REMEMBERED)
def parse_selector(text: str) -> Selector:
    """Read a label selector as clients write it. Raises ValueError."""
    found = _Parser(text).requirements()
    return Selector(tuple(sorted(found, key=lambda one: one.key))) if found else EVERYTHING


def selector_of(selector: Any) -> Selector:
    """Read `{matchLabels, matchExpressions}`, as JSON or as a model.

    None matches nothing, an empty selector everything (upstream: `LabelSelectorAsSelector`).
    Raises ValueError.
    """
    if selector is None:
        return NOTHING
    if isinstance(selector, Mapping):
        labels = selector.get("matchLabels") or {}
        expressions = [
            (one.get("key", ""), one.get("operator", ""), tuple(one.get("values") or ()))
            for one in selector.get("matchExpressions") or ()
        ]
    else:
        labels = selector.match_labels
        expressions = [
            (one.key, one.operator, tuple(one.values)) for one in selector.match_expressions
        ]
    return _selector(tuple(labels.items()), tuple(expressions))


def selector_of_labels(labels: Mapping[str, str] | None) -> Selector:
    """What a Service or ReplicationController selects by: a map of labels (None: nothing)."""
    if labels is None:
        return NOTHING
    return _selector(tuple(labels.items()), ())


class FieldRequirement(NamedTuple):
    """One condition on one field, by its path."""

    path: str
    operator: FieldOperator
    value: str


@lru_cache(_REMEMBERED)
def parse_fields(text: str) -> tuple[FieldRequirement, ...]:
    r"""Read a field selector; `\`, `,` and `=` in values are escaped by `\`. Raises ValueError."""
    found = []
    for term in sorted(_terms(text)):
        if not term:
            continue
        parts = _FIELD_OPERATOR.search(term)
        if parts is None:
            raise ValueError(f"invalid selector: '{text}'; can't understand '{term}'")
        operator: FieldOperator = "!=" if parts.group() == "!=" else "="
        value = _unescaped(term[parts.end() :])
        found.append(FieldRequirement(term[: parts.start()], operator, value))
    return tuple(found)


@lru_cache(_REMEMBERED)
def _selector(
    labels: tuple[tuple[str, str], ...], expressions: tuple[tuple[str, str, tuple[str, ...]], ...]
) -> Selector:
    found = [_checked(key, "=", (value,)) for key, value in labels]
    for key, operator, values in expressions:
        if operator not in _EXPRESSION_OPERATORS:
            raise ValueError(f"{fields.quoted(operator)} is not a valid label selector operator")
        found.append(_checked(key, _EXPRESSION_OPERATORS[operator], values))
    return Selector(tuple(sorted(found, key=lambda one: one.key))) if found else EVERYTHING


def _checked(key: str, operator: str, values: tuple[str, ...]) -> Requirement:
    """A requirement that makes sense (upstream: `NewRequirement`)."""
    complaints = []
    if wrong := names.is_qualified_name(key):
        complaints.append(f"key: Invalid value: {fields.quoted(key)}: {'; '.join(wrong)}")
    if operator in ("in", "notin") and not values:
        complaints.append(
            "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"
        )
    if operator in ("exists", "!") and values:
        listed = fields.quoted(values)
        complaints.append(
            f"values: Invalid value: {listed}: "
            "values set must be empty for exists and does not exist"
        )
    for i, value in enumerate(values):
        if operator in ("gt", "lt") and not _INTEGER.fullmatch(value):
            complaints.append(
                f"values[{i}]: Invalid value: {fields.quoted(value)}: "
                "for 'Gt', 'Lt' operators, the value must be an integer"
            )
    for i, value in enumerate(values):
        if wrong := names.is_label_value(value):
            text = "; ".join(wrong)
            complaints.append(f"values[{i}][{key}]: Invalid value: {fields.quoted(value)}: {text}")
    if complaints:
        raise ValueError(complaints[0] if len(complaints) == 1 else f"[{', '.join(complaints)}]")
    return Requirement(key, operator, values)


class _Parser:
    """Reads a label selector from left to right, one token ahead (upstream: `labels.Parser`)."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            token = self._ahead()
            if token == "":
                return found
            if token != "!" and not _is_word(token):
                raise ValueError(f"found '{token}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except ValueError as error:
                raise ValueError(f"unable to parse requirement: {error}") from None
            token = self._next()
            if token == "":
                return found
            if token != ",":
                raise ValueError(f"found '{token}', expected: ',' or 'end of string'")
            token = self._ahead()
            if token != "!" and not _is_word(token):
                raise ValueError(f"found '{token}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        operator = ""
        key = self._next()
        if key == "!":
            operator = "!"
            key = self._next()
        if not _is_word(key):
            raise ValueError(f"found '{key}', expected: identifier")
        if wrong := names.is_qualified_name(key):
            # Upstream has no path at hand here, and says so.
            text = "; ".join(wrong)
            raise ValueError(f"<nil>: Invalid value: {fields.quoted(key)}: {text}")
        if operator or self._ahead() in ("", ","):
            return Requirement(key, operator or "exists")
        token = self._next()
        if token not in _OPERATORS:
            raise ValueError(f"found '{token}', expected: {', '.join(_BINARY_OPERATORS)}")
        operator = _OPERATORS[token]
        if operator in ("in", "notin"):
            return _checked(key, operator, tuple(self._values()))
        return _checked(key, operator, (self._exact_value(),))

    def _exact_value(self) -> str:
        if self._ahead() in ("", ","):
            return ""
        token = self._next()
        if not _is_word(token):
            raise ValueError(f"found '{token}', expected: identifier")
        return token

    def _values(self) -> list[str]:
        token = self._next()
        if token != "(":
            raise ValueError(f"found '{token}' expected: '('")
        first = self._ahead()
        if first == ")":
            self._next()
            return [""]
        if first != "," and not _is_word(first):
            raise ValueError(f"found '{first}', expected: ',', ')' or identifier")
        found = self._list()
        if self._next() != ")":
            raise ValueError(f"found '{first}', expected: ')'")
        return sorted(dict.fromkeys(found))

    def _list(self) -> list[str]:
        found: list[str] = []
        while True:
            token = self._next()
            if _is_word(token):
                found.append(token)
                following = self._ahead()
                if following == ")":
                    return found
                if following != ",":
                    raise ValueError(f"found '{following}', expected: ',' or ')'")
            elif token == ",":
                if not found:
                    found.append("")
                following = self._ahead()
                if following == ")":
                    return [*found, ""]
                if following == ",":
                    found.append("")
            else:
                raise ValueError(f"found '{token}', expected: ',', or identifier")

    def _ahead(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._ahead()
        self._at += 1
        return token


def _tokens(text: str) -> Sequence[str]:
    return _TOKEN.findall(text)


def _is_word(token: str) -> bool:
    return token != "" and token[0] not in "=!(),><"


def _terms(text: str) -> list[str]:
    return ["".join(parts) for parts in _split(text)] if text else []


def _split(text: str) -> list[list[str]]:
    terms: list[list[str]] = [[]]
    for piece in _FIELD_PIECE.findall(text):
        if piece == ",":
            terms.append([])
        else:
            terms[-1].append(piece)
    return terms


def _unescaped(text: str) -> str:
    if not _FIELD_SPECIAL.search(text):
        return text
    letters = []
    rest = iter(text)
    for letter in rest:
        if letter == "\\":
            escaped = next(rest, "")
            if not escaped or escaped not in "\\,=":
                raise ValueError(
                    f"invalid field selector: invalid escape sequence: {letter}{escaped}"
                )
            letters.append(escaped)
        elif letter in ",=":
            # Upstream prints the letter's number.
            raise ValueError(f"invalid field selector: unescaped character in value: {ord(letter)}")
        else:
            letters.append(letter)
    return "".join(letters)


_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,19}", re.ASCII)
# The longest operator wins; white space separates words and is otherwise of no account.
_TOKEN: Final = re.compile(r"==|!=|[=!(),><]|[^=!(),><\s]+")
_FIELD_PIECE: Final = re.compile(r"\\.|\\$|,|[^\\,]+", re.DOTALL)
_FIELD_OPERATOR: Final = re.compile(r"!=|==|=")
_FIELD_SPECIAL: Final = re.compile(r"[\\,=]")
_OPERATORS: Final = {
    "in": "in",
    "notin": "notin",
    "=": "=",
    "==": "==",
    "!=": "!=",
    ">": "gt",
    "<": "lt",
}
_BINARY_OPERATORS: Final = ("in", "notin", "=", "==", "!=", "gt", "lt")
_WRITTEN: Final = {"gt": ">", "lt": "<"}
_EXPRESSION_OPERATORS: Final = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "!",
}
