"""Go's text/template, as far as KWOK's stages use it (pure).

Actions: fields, variables, pipes, `if`, `else if`, `else`, `with`, `range`, `break`, `continue`,
`define`, `template`, `end`, `:=` and `=`, comments, trim marks; functions: those in the
table below. All else is a TemplateError that names it.
"""

from __future__ import annotations

import math
import re
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson
from attrs import define, field, frozen

Scope = ChainMap[str, Any]  # a block's own variables first
Function = Callable[..., Any]

TEMPLATES_MOST: Final = 20  # inside of one another


class TemplateError(ValueError):
    """A template that cannot be read, or wants what is not known here."""


@frozen
class _Text:
    text: str


@define
class _Block:
    """An action and what it encloses; `other` is what comes after its else."""

    word: str  # "", "if", "with", "range", "define"
    tokens: list[str]
    body: list[Any] = field(factory=list)
    other: list[Any] = field(factory=list)


def rendered(template: str, data: Any, functions: Mapping[str, Function]) -> str:
    """The template's text with `data` as its dot. Raises TemplateError."""
    nodes = _parsed(template)
    try:
        return _Run({**_FUNCTIONS, **functions}, nodes).text(nodes, data)
    except (TypeError, ValueError, AttributeError) as error:
        if isinstance(error, TemplateError):
            raise
        raise TemplateError(f"a value does not fit: {error}") from None


def _parsed(template: str) -> list[Any]:
    root = _Block("", [])
    open_: list[tuple[_Block, list[Any]]] = [(root, root.body)]
    for at, piece in enumerate(_ACTION.split(template)):
        into = open_[-1][1]
        if at % 2 == 0:
            into.append(_Text(piece))
            continue
        tokens = _tokens(piece)
        word = tokens[0] if tokens else ""
        if not tokens or piece.startswith("/*"):
            continue
        if word in ("if", "with", "range", "define"):
            block = _Block(word, tokens[1:])
            into.append(block)
            open_.append((block, block.body))
        elif word == "else":
            block = open_.pop()[0]
            if len(tokens) > 1:
                inner = _Block(tokens[1], tokens[2:])
                block.other.append(inner)
                open_.append((block, block.other))
                open_[-1] = (inner, inner.body)
            else:
                open_.append((block, block.other))
        elif word == "end":
            if len(open_) == 1:
                raise TemplateError("an {{ end }} without a beginning")
            open_.pop()
        else:
            into.append(_Block("", tokens))
    if len(open_) > 1:
        raise TemplateError(f"{{{{ {open_[-1][0].word} }}}} has no end")
    return root.body


def _tokens(piece: str) -> list[str]:
    found = [one for one in _TOKEN.findall(piece) if one]
    if "".join(found) != "".join(piece.split()) and not any('"' in one for one in found):
        raise TemplateError(f"{{{{ {piece} }}}} cannot be read")
    return found


class _Leave(Exception):
    """A `break` or `continue` of the innermost range."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class _Run:
    def __init__(self, functions: Mapping[str, Function], nodes: Sequence[Any]) -> None:
        self._functions = functions
        self._out: list[str] = []
        self._depth = 0
        self._defined = {
            _quoted(node.tokens[0]): node.body
            for node in nodes
            if isinstance(node, _Block) and node.word == "define" and node.tokens
        }

    def text(self, nodes: Sequence[Any], data: Any) -> str:
        """What the nodes print."""
        try:
            self._print(nodes, data, ChainMap({"$": data}))
        except _Leave as leave:
            raise TemplateError(f"{{{{ {leave.word} }}}} outside of a range") from None
        return "".join(self._out)

    def _print(self, nodes: Sequence[Any], dot: Any, scope: Scope) -> None:
        for node in nodes:
            if isinstance(node, _Text):
                self._out.append(node.text)
            else:
                self._node(node, dot, scope)

    def _node(self, node: _Block, dot: Any, scope: Scope) -> None:
        if node.word == "define":
            return
        if node.word == "range":
            self._range(node, dot, scope)
            return
        if not node.word and node.tokens[0] in ("break", "continue"):
            raise _Leave(node.tokens[0])
        if not node.word and node.tokens[0] == "template":
            self._template(node.tokens[1:], dot, scope)
            return
        names, tokens, known = _declared(node.tokens)
        value = self._pipeline(tokens, dot, scope)
        if not node.word:
            if names:
                _assign(scope, names[0], value, known=known)
            else:
                self._out.append("<no value>" if value is None else _printed(value))
            return
        inner = scope.new_child({names[0]: value} if names else {})
        if not _true(value):
            self._print(node.other, dot, inner)
        else:
            self._print(node.body, value if node.word == "with" else dot, inner)

    def _range(self, node: _Block, dot: Any, scope: Scope) -> None:
        names, tokens, _ = _declared(node.tokens)
        value = self._pipeline(tokens, dot, scope)
        if isinstance(value, int):
            value = range(value)
        pairs = sorted(value.items()) if isinstance(value, Mapping) else enumerate(value or ())
        empty = True
        for key, one in pairs:
            empty = False
            own = dict(zip(names, (key, one)[2 - len(names) :], strict=True))
            try:
                self._print(node.body, one, scope.new_child(own))
            except _Leave as leave:
                if leave.word == "break":
                    break
        if empty:
            self._print(node.other, dot, scope.new_child())

    def _template(self, tokens: Sequence[str], dot: Any, scope: Scope) -> None:
        name = _quoted(tokens[0]) if tokens else ""
        body = self._defined.get(name)
        if body is None or self._depth >= TEMPLATES_MOST:
            raise TemplateError(f"template {name!r} is not defined, or contains itself")
        data = self._pipeline(tokens[1:], dot, scope) if len(tokens) > 1 else None
        self._depth += 1
        self._print(body, data, ChainMap({"$": data}))
        self._depth -= 1

    def _pipeline(self, tokens: Sequence[str], dot: Any, scope: Scope) -> Any:
        value, first = None, True
        for part in _split(tokens):
            value = self._command(part, dot, scope, () if first else (value,))
            first = False
        return value

    def _command(self, tokens: Sequence[str], dot: Any, scope: Scope, last: tuple[Any, ...]) -> Any:
        operands = _operands(tokens)
        if not operands:
            raise TemplateError("an action without a value")
        name = operands[0]
        if isinstance(name, str) and _NAME.fullmatch(name) and name not in _CONSTANTS:
            function = self._functions.get(name)
            if function is None:
                raise TemplateError(f"function {name!r} is not known to k8slite")
            return function(*(self._value(one, dot, scope) for one in operands[1:]), *last)
        if len(operands) > 1 or last:
            raise TemplateError(f"{name!r} is not a function")
        return self._value(name, dot, scope)

    def _value(self, operand: Any, dot: Any, scope: Scope) -> Any:
        if isinstance(operand, tuple):
            return _field(self._pipeline(operand[0], dot, scope), operand[1])
        if isinstance(operand, list):
            return self._pipeline(operand, dot, scope)
        if operand[0] == '"':
            return orjson.loads(operand)
        if operand[0] == "`":
            return operand[1:-1]
        if operand in _CONSTANTS:
            return _CONSTANTS[operand]
        if _NUMBER.fullmatch(operand):
            return int(operand)
        if operand[0] == ".":
            return _field(dot, operand)
        if operand[0] == "$":
            name, point, rest = operand.partition(".")
            if name not in scope:
                raise TemplateError(f"variable {name} is not there")
            return _field(scope[name], point + rest)
        return self._command([operand], dot, scope, ())


def _declared(tokens: list[str]) -> tuple[list[str], list[str], bool]:
    """The names that an action gives to its value, the rest of it, and if the names are known."""
    for at, token in enumerate(tokens):
        if token in (":=", "="):
            return [one for one in tokens[:at] if one != ","], tokens[at + 1 :], token == "="
    return [], tokens, False


def _assign(scope: Scope, name: str, value: Any, *, known: bool) -> None:
    """Give a variable its value: a new one of this block, or one of a block around it."""
    home = scope.maps[0]
    if known:
        found = next((one for one in scope.maps if name in one), None)
        if found is None:
            raise TemplateError(f"variable {name} is not there")
        home = found
    home[name] = value


def _quoted(token: str) -> str:
    return token.strip('"`')


def _split(tokens: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token == "(") - (token[0] == ")")
        if token == "|" and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _operands(tokens: Sequence[str]) -> list[Any]:
    """What a command is made of: words, and what is in parentheses as lists.

    Of `(...).name` there is a pair: the list, and the path into it.
    """
    stack: list[list[Any]] = [[]]
    for token in tokens:
        if token == "(":
            stack.append([])
        elif token[0] == ")":
            if len(stack) == 1:
                raise TemplateError("a ) without its (")
            inner = stack.pop()
            stack[-1].append((inner, token[1:]) if token[1:] else inner)
        else:
            stack[-1].append(token)
    if len(stack) > 1:
        raise TemplateError("a ( without its )")
    return stack[0]


def _field(value: Any, path: str) -> Any:
    for name in path.split("."):
        if name:
            value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _true(value: Any) -> bool:
    return bool(value)


def _printed(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _formatted(pattern: str, values: Sequence[Any]) -> str:
    """Go's Sprintf of %v, %s, %d and %q."""
    left = list(values)

    def one(verb: re.Match[str]) -> str:
        if verb[0] == "%%":
            return "%"
        if not left:
            raise TemplateError(f"printf {pattern!r} wants more values")
        told = _printed(left.pop(0))
        return orjson.dumps(told).decode() if verb[0] == "%q" else told

    return re.sub(r"%[vsdq%]", one, pattern)


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _or(*values: Any) -> Any:
    return next((one for one in values if _true(one)), values[-1])


def _and(*values: Any) -> Any:
    return next((one for one in values if not _true(one)), values[-1])


def _dict(*pairs: Any) -> dict[str, Any]:
    return dict(zip(pairs[::2], pairs[1::2], strict=True))


_ACTION: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_TOKEN: Final = re.compile(
    r'\)\.[^\s()|,=:"`]+|"(?:\\.|[^"\\])*"|`[^`]*`|:=|[()|,=]|[^\s()|,=:"`]+'
)
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_NUMBER: Final = re.compile(r"-?\d+")
_CONSTANTS: Final[Mapping[str, Any]] = {"true": True, "false": False, "nil": None}
_FUNCTIONS: Final[Mapping[str, Function]] = {
    "add": lambda *values: sum(int(one or 0) for one in values),
    "add1": lambda value: int(value or 0) + 1,
    "and": _and,
    "default": lambda usual, value=None: value if _true(value) else usual,
    "dict": _dict,
    "eq": lambda first, *others: any(first == one for one in others),
    "ge": lambda first, second: first >= second,
    "gt": lambda first, second: first > second,
    "index": _index,
    "int": lambda value: int(value or 0),
    "le": lambda first, second: first <= second,
    "len": lambda value: len(value or ()),
    "list": lambda *values: [*values],
    "lower": lambda value: str(value).lower(),
    "lt": lambda first, second: first < second,
    "mul": lambda *values: math.prod(int(one or 0) for one in values),
    "ne": lambda first, second: first != second,
    "not": lambda value: not _true(value),
    "or": _or,
    "printf": lambda pattern, *values: _formatted(pattern, values),
    "quote": lambda *values: " ".join(orjson.dumps(_printed(one)).decode() for one in values),
    "sub": lambda first, second: int(first or 0) - int(second or 0),
    "toString": lambda value: _printed("" if value is None else value),
    "trim": lambda value: str(value).strip(),
    "upper": lambda value: str(value).upper(),
    "Quote": lambda value: orjson.dumps(_printed("" if value is None else value)).decode(),
}
