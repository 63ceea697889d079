"""Go's text/template, as far as KWOK's stages use it (pure).

Actions: fields, variables, pipes, `if`, `else if`, `else`, `with`, `range`, `end`, `:=`, comments,
trim marks; functions: those in the table below. All else is a TemplateError that names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson
from attrs import define, field, frozen

Scope = dict[str, Any]
Function = Callable[..., Any]


class TemplateError(ValueError):
    """A template that cannot be read, or wants what is not known here."""


@frozen
class _Text:
    text: str


@define
class _Block:
    """An action and what it encloses; `other` is what comes after its else."""

    word: str  # "", "if", "with", "range"
    tokens: list[str]
    body: list[Any] = field(factory=list)
    other: list[Any] = field(factory=list)


def rendered(template: str, data: Any, functions: Mapping[str, Function]) -> str:
    """The template's text with `data` as its dot. Raises TemplateError."""
    nodes = _parsed(template)
    try:
        return _Run({**_FUNCTIONS, **functions}).text(nodes, data, {"$": data})
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
        if word in ("if", "with", "range"):
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


class _Run:
    def __init__(self, functions: Mapping[str, Function]) -> None:
        self._functions = functions

    def text(self, nodes: Sequence[Any], dot: Any, scope: Scope) -> str:
        return "".join(self._node(node, dot, scope) for node in nodes)

    def _node(self, node: Any, dot: Any, scope: Scope) -> str:
        if isinstance(node, _Text):
            return node.text
        if node.word == "range":
            return self._range(node, dot, dict(scope))
        names, tokens = _declared(node.tokens)
        value = self._pipeline(tokens, dot, scope)
        if not node.word:
            if names:
                scope[names[0]] = value
                return ""
            return "<no value>" if value is None else _printed(value)
        inner = {**scope, **({names[0]: value} if names else {})}
        if not _true(value):
            return self.text(node.other, dot, inner)
        return self.text(node.body, value if node.word == "with" else dot, inner)

    def _range(self, node: _Block, dot: Any, scope: Scope) -> str:
        names, tokens = _declared(node.tokens)
        value = self._pipeline(tokens, dot, scope)
        pairs = sorted(value.items()) if isinstance(value, Mapping) else enumerate(value or ())
        told = []
        for key, one in pairs:
            inner = {**scope, **dict(zip(names, (key, one)[2 - len(names) :], strict=True))}
            told.append(self.text(node.body, one, inner))
        return "".join(told) if told else self.text(node.other, dot, scope)

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

    def _value(self, operand: str | list[str], dot: Any, scope: Scope) -> Any:
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


def _declared(tokens: list[str]) -> tuple[list[str], list[str]]:
    """The names that an action gives to its value, and the rest of it."""
    for at, token in enumerate(tokens):
        if token in (":=", "="):
            return [one for one in tokens[:at] if one != ","], tokens[at + 1 :]
    return [], tokens


def _split(tokens: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token == "(") - (token == ")")
        if token == "|" and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _operands(tokens: Sequence[str]) -> list[Any]:
    """What a command is made of: words, and what is in parentheses as lists."""
    stack: list[list[Any]] = [[]]
    for token in tokens:
        if token == "(":
            stack.append([])
        elif token == ")":
            if len(stack) == 1:
                raise TemplateError("a ) without its (")
            inner = stack.pop()
            stack[-1].append(inner)
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
_TOKEN: Final = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`|:=|[()|,=]|[^\s()|,=:"`]+')
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_NUMBER: Final = re.compile(r"-?\d+")
_CONSTANTS: Final[Mapping[str, Any]] = {"true": True, "false": False, "nil": None}
_FUNCTIONS: Final[Mapping[str, Function]] = {
    "and": _and,
    "dict": _dict,
    "eq": lambda first, *others: any(first == one for one in others),
    "index": _index,
    "len": lambda value: len(value or ()),
    "ne": lambda first, second: first != second,
    "not": lambda value: not _true(value),
    "or": _or,
    "Quote": lambda value: orjson.dumps(_printed("" if value is None else value)).decode(),
}
