"""The value of $((...)): whole numbers, as in C (POSIX, 2.6.4).

Precedence climbing over operators of two operands; ?: and assignments bind least.
"""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping
from typing import Final

from k8slite.kubelet.runtimes.shell.tree import NotShell


def value_of(text: str, variables: MutableMapping[str, str]) -> int:
    """What an expression is worth; assignments change the variables. Raises NotShell."""
    reader = _Reader(text, variables)
    found = reader.choice()
    if reader.token:
        raise NotShell("arithmetic syntax error")
    return found


class _Reader:
    def __init__(self, text: str, variables: MutableMapping[str, str]) -> None:
        self._tokens = _TOKEN.findall(text)
        if "".join(self._tokens) != re.sub(r"\s+", "", text):
            raise NotShell("arithmetic syntax error")
        self._at = 0
        self._variables = variables

    @property
    def token(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self.token
        self._at += 1
        return token

    def choice(self) -> int:
        if not self._tokens:
            return 0
        following = self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else ""
        if _NAME.fullmatch(self.token) and following in _ASSIGNING:
            name, operator = self._take(), self._take()
            right = self.choice()
            found = (
                _OPERATORS[operator[:-1]][1](self._known(name), right) if operator[:-1] else right
            )
            self._variables[name] = str(found)
            return found
        condition = self._binary(0)
        if self.token != "?":
            return condition
        self._take()
        then = self.choice()
        if self._take() != ":":
            raise NotShell("arithmetic syntax error")
        otherwise = self.choice()
        return then if condition else otherwise

    def _binary(self, least: int) -> int:
        left = self._unary()
        while self.token in _OPERATORS and _OPERATORS[self.token][0] >= least:
            binding, apply = _OPERATORS[self._take()]
            right = self._binary(binding + 1)
            try:
                left = apply(left, right)
            except ZeroDivisionError:
                raise NotShell("divide by zero") from None
        return left

    def _unary(self) -> int:
        token = self._take()
        if token in _UNARY:
            return _UNARY[token](self._unary())
        if token == "(":
            found = self.choice()
            if self._take() != ")":
                raise NotShell("arithmetic syntax error")
            return found
        if _NAME.fullmatch(token):
            return self._known(token)
        if not token or not token[0].isdigit():
            raise NotShell("arithmetic syntax error")
        return _number(token)

    def _known(self, name: str) -> int:
        text = self._variables.get(name, "").strip()
        sign = -1 if text.startswith("-") else 1
        return sign * _number(text.lstrip("+-")) if text else 0


def _number(text: str) -> int:
    try:
        if text[:2] in ("0x", "0X"):
            return int(text, 16)
        return int(text, 8 if text.startswith("0") else 10)
    except ValueError:
        raise NotShell("arithmetic syntax error") from None


def _divided(left: int, right: int) -> int:
    """As in C, towards zero."""
    found = abs(left) // abs(right)
    return found if (left < 0) == (right < 0) else -found


_OPERATORS: Final[dict[str, tuple[int, Callable[[int, int], int]]]] = {
    "||": (1, lambda a, b: int(bool(a) or bool(b))),
    "&&": (2, lambda a, b: int(bool(a) and bool(b))),
    "|": (3, lambda a, b: a | b),
    "^": (4, lambda a, b: a ^ b),
    "&": (5, lambda a, b: a & b),
    "==": (6, lambda a, b: int(a == b)),
    "!=": (6, lambda a, b: int(a != b)),
    "<": (7, lambda a, b: int(a < b)),
    "<=": (7, lambda a, b: int(a <= b)),
    ">": (7, lambda a, b: int(a > b)),
    ">=": (7, lambda a, b: int(a >= b)),
    "<<": (8, lambda a, b: a << min(b, 63)),
    ">>": (8, lambda a, b: a >> b),
    "+": (9, lambda a, b: a + b),
    "-": (9, lambda a, b: a - b),
    "*": (10, lambda a, b: a * b),
    "/": (10, _divided),
    "%": (10, lambda a, b: a - b * _divided(a, b)),
}
_UNARY: Final[dict[str, Callable[[int], int]]] = {
    "-": lambda a: -a,
    "+": lambda a: a,
    "!": lambda a: int(not a),
    "~": lambda a: ~a,
}
_ASSIGNING: Final = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="})
_TOKEN: Final = re.compile(
    r"[A-Za-z_]\w*|0[xX][0-9A-Fa-f]+|\d+|<<|>>|[-+*/%&|^]=(?!=)|[=!<>]=|&&|\|\||[-+*/%&|^~!<>=?:()]"
)
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
