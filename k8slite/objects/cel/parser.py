"""From a text to the tree of an expression.

    parse("self.replicas <= 3 || has(self.spare)")

Upstream: the grammar `cel-go/parser/gen/CEL.g4` and `parser/parser.go`. Where a text cannot be
read, what is wrong with it is told by Google's engine, whose words are upstream's own: both stand
on the same generated parser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from k8slite.objects.cel.complaints import Complaint, told
from k8slite.objects.cel.lexer import RESERVED, BadSyntax, Token, tokens
from k8slite.objects.cel.macros import MisusedMacro, expanded
from k8slite.objects.cel.tree import (
    Call,
    Element,
    Entry,
    FieldOf,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Node,
    ObjectOf,
    Select,
    qualified,
)
from k8slite.objects.cel.values import UInt

# Upstream's limit: of what lies within one another, and of operators and fields in a row.
DEPTH_LIMIT: Final = 250
NESTED: Final = f"ERROR: <input>:-1:0: expression recursion limit exceeded: {DEPTH_LIMIT}"
TEXT_LIMIT: Final = 100_000  # characters, as upstream's

_INT_LIMIT: Final = 1 << 63


class Unreadable(ValueError):
    """A text that is no expression; the message is upstream's."""


def parse(text: str, *, binds: bool = False) -> Node:
    """The tree of a text, macros expanded; `binds`: with `cel.bind`. Raises Unreadable."""
    if len(text) > TEXT_LIMIT:
        raise Unreadable(
            f"ERROR: <input>:-1:0: expression code point size exceeds limit: "
            f"size: {len(text)}, limit {TEXT_LIMIT}"
        )
    try:
        reading = _Reading(tokens(text), binds=binds)
        found = reading.expression()
        reading.take("end")
    except MisusedMacro as error:
        raise Unreadable(told(text, [Complaint(error.at, error.message)])) from None
    except (_TooDeep, RecursionError):
        raise Unreadable(NESTED) from None
    except BadSyntax as error:
        raise Unreadable(_said_by_the_engine(text) or f"ERROR: <input>:1:1: {error}") from None
    return found


class _TooDeep(Exception):
    """An expression that is nested too deep."""


class _Reading:
    """Where reading is."""

    def __init__(self, words: list[Token], *, binds: bool) -> None:
        self.words = words
        self.binds = binds
        self.next = 0
        self.depth = 0
        self.heights: dict[Node, int] = {}  # 0 is left out

    @property
    def word(self) -> Token:
        return self.words[self.next]

    def take(self, kind: str) -> Token:
        """The next word, which must be this one."""
        word = self.words[self.next]
        if word.kind != kind:
            raise BadSyntax(f"Syntax error: mismatched input {word.text!r} expecting {kind!r}")
        self.next += 1
        return word

    def skip(self, kind: str) -> bool:
        """Whether the next word is this one, which is then passed."""
        if self.words[self.next].kind == kind:
            self.next += 1
            return True
        return False

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            raise _TooDeep
        found = self.joined(_LOOSEST)
        if self.word.kind == "?":
            at = self.take("?").at
            yes = self.joined(_LOOSEST)
            self.take(":")
            no = self.expression()
            found = self.nested(Call(at, "_?_:_", None, (found, yes, no)), found, yes, no)
        self.depth -= 1
        return found

    def joined(self, loosest: int) -> Node:
        """Operators that join from the left, as tight as this one or tighter."""
        found = self.unary()
        length = 0
        while (power := _POWERS.get(self.word.kind, 0)) >= loosest:
            if power in _CHAINS:
                found = self.chain(found, power)
                continue
            length += 1
            if length > DEPTH_LIMIT:
                raise _TooDeep
            word = self.take(self.word.kind)
            function = "@in" if word.kind == "in" else f"_{word.kind}_"
            right = self.joined(power + 1)
            found = self.nested(Call(word.at, function, None, (found, right)), found, right)
        return found

    def chain(self, first: Node, power: int) -> Node:
        """All that one of `||` and `&&` joins."""
        sign = self.word.kind
        terms, places = [first], []
        while self.word.kind == sign:
            places.append(self.take(sign).at)
            terms.append(self.joined(power + 1))
        found = _balanced(_CHAINS[power], terms, places)
        self.heights[found] = max(map(self.height, terms))
        return found

    def nested(self, made: Node, *parts: Node) -> Node:
        """A node that holds others, if there are not too many within one another."""
        height = 1 + max(map(self.height, parts))
        if height > DEPTH_LIMIT:
            raise _TooDeep
        self.heights[made] = height
        return made

    def height(self, node: Node) -> int:
        """How many operators, fields and methods lie within one another, as upstream counts."""
        return self.heights.get(node, 0)

    def holding(self, made: Node, parts: Sequence[Node]) -> Node:
        """A node that holds others without counting itself."""
        if parts:
            self.heights[made] = max(map(self.height, parts))
        return made

    def unary(self) -> Node:
        signs: list[Token] = []
        while self.word.kind in ("!", "-") and (not signs or signs[-1].kind == self.word.kind):
            signs.append(self.take(self.word.kind))
        if not signs:
            return self.member()
        if signs[-1].kind == "-" and isinstance(self.word.value, int | float) and _number(self):
            # The sign belongs to the number, or the smallest one could not be written.
            word = self.take("literal")
            signs.pop()
            at = self.words[self.next - 2].at
            found = self.members(Literal(at, _checked(-word.value)))
        else:
            found = self.member()
        if len(signs) % 2:
            function = "!_" if signs[0].kind == "!" else "-_"
            found = self.holding(Call(signs[0].at, function, None, (found,)), (found,))
        return found

    def member(self) -> Node:
        return self.members(self.primary())

    def members(self, found: Node) -> Node:
        """What follows a value: fields, methods, indices."""
        while True:
            if self.word.kind == ".":
                found = self.selected(found)
            elif self.word.kind == "[":
                at = self.take("[").at
                function = "_[?_]" if self.skip("?") else "_[_]"
                index = self.expression()
                self.take("]")
                found = self.nested(Call(at, function, None, (found, index)), found, index)
            elif self.word.kind == "{" and qualified(found):
                found = self.object(qualified(found))
            else:
                return found

    def selected(self, operand: Node) -> Node:
        at = self.take(".").at
        if self.skip("?"):
            word = self.name()
            name = Literal(word.at, word.text)
            return self.nested(Call(at, "_?._", None, (operand, name)), operand)
        word = self.name()
        if self.word.kind == "(" and word.kind == "ident":
            at = self.take("(").at
            call = Call(at, word.text, operand, self.arguments(")"))
            made = expanded(call, binds=self.binds)
            return self.nested(made, operand, *call.arguments)
        return self.nested(Select(at, operand, word.text), operand)

    def name(self) -> Token:
        return self.take("quoted" if self.word.kind == "quoted" else "ident")

    def arguments(self, end: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.skip(end):
            if found:
                self.take(",")
            found.append(self.expression())
        return tuple(found)

    def primary(self) -> Node:
        word = self.word
        if word.kind == "literal":
            self.next += 1
            return Literal(word.at, _checked(word.value))
        if word.kind == "(":
            self.next += 1
            found = self.expression()
            self.take(")")
            return found
        if word.kind == "[":
            self.next += 1
            elements = tuple(self.elements())
            return self.holding(ListOf(word.at, elements), [one.value for one in elements])
        if word.kind == "{":
            self.next += 1
            entries = tuple(self.entries())
            parts = [part for one in entries for part in (one.key, one.value)]
            return self.holding(MapOf(word.at, entries), parts)
        leading = "." if self.skip(".") else ""
        word = self.take("ident")
        if word.text in RESERVED:
            raise BadSyntax(f"reserved identifier: {word.text}")
        if self.word.kind == "(":
            at = self.take("(").at
            call = Call(at, leading + word.text, None, self.arguments(")"))
            return self.holding(expanded(call), call.arguments)
        return Ident(word.at, leading + word.text)

    def elements(self) -> list[Element]:
        found: list[Element] = []
        while not self.skip("]"):
            is_optional = self.skip("?")
            value = self.expression()
            found.append(Element(value.at, value, is_optional))
            if not self.skip(","):
                self.take("]")
                break
        return found

    def entries(self) -> list[Entry]:
        found: list[Entry] = []
        while not self.skip("}"):
            is_optional = self.skip("?")
            key = self.expression()
            at = self.take(":").at
            found.append(Entry(at, key, self.expression(), is_optional))
            if not self.skip(","):
                self.take("}")
                break
        return found

    def object(self, name: str) -> Node:
        at = self.take("{").at
        found: list[FieldOf] = []
        while not self.skip("}"):
            is_optional = self.skip("?")
            word = self.name()
            place = self.take(":").at
            found.append(FieldOf(place, word.text, self.expression(), is_optional))
            if not self.skip(","):
                self.take("}")
                break
        return self.holding(ObjectOf(at, name, tuple(found)), [one.value for one in found])


def _number(reading: _Reading) -> bool:
    value = reading.word.value
    return not isinstance(value, bool | UInt)


def _checked(value: Any) -> Any:
    """A literal that is not too large."""
    if isinstance(value, UInt):
        if value >= _INT_LIMIT * 2:
            raise BadSyntax("invalid uint literal")
    elif isinstance(value, int) and not -_INT_LIMIT <= value < _INT_LIMIT:
        raise BadSyntax("invalid int literal")
    return value


def _balanced(function: str, terms: list[Node], places: list[int]) -> Node:
    """A tree of one operator, as flat as can be: long chains are common."""
    if not places:
        return terms[0]
    middle = len(places) // 2
    left = _balanced(function, terms[: middle + 1], places[:middle])
    right = _balanced(function, terms[middle + 1 :], places[middle + 1 :])
    return Call(places[middle], function, None, (left, right))


def _said_by_the_engine(text: str) -> str:
    """What Google's parser says of a text; "" if it finds nothing, or gives up before us."""
    # Only who writes what cannot be read needs the engine: 16 MB and 20 ms.
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_optional

    try:
        environment = cel.NewEnv(variables={}, extensions=[ext_optional.ExtOptional()])
        environment.compile(text, disable_check=True)
    except (RuntimeError, ValueError) as error:
        said = _STATUS.sub("", _CODE.sub("", str(error)))
        return "" if "recursion" in said else said
    return ""


_STATUS: Final = re.compile(r"^[A-Z_]+: ")
_CODE: Final = re.compile(r" \[[A-Z_]+\]$")
_LOOSEST: Final = 1
# How tight operators join; `||` and `&&` become a tree as flat as can be.
_POWERS: Final = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("<", "<=", ">=", ">", "==", "!=", "in"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%"), 5),
}
_CHAINS: Final = {1: "_||_", 2: "_&&_"}
