"""Words of an expression: identifiers, literals, operators, each with where it stands.

Upstream: the lexer rules of `cel-go/parser/gen/CEL.g4`, `parser/unescape.go`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from attrs import frozen

from k8slite.objects.cel.values import UInt

# Words that name nothing; those that mean something else are below.
RESERVED: Final = frozenset(
    (
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import"),
        *("let", "loop", "package", "namespace", "return", "var", "void", "while"),
    )
)
KEYWORDS: Final = RESERVED | {"true", "false", "null", "in"}


class BadSyntax(ValueError):
    """What cannot be read. The message is our own."""


@frozen
class Token:
    """A word."""

    kind: str  # "ident", "quoted" (`a-b`), "literal", "end", or the operator itself
    text: str
    at: int
    value: Any = None


def tokens(text: str) -> list[Token]:
    """All words of a text, and the end. Raises BadSyntax."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadSyntax(f"token recognition error at: {text[at : at + 1]!r}")
        word, kind = match[0], match.lastgroup or ""
        if kind == "ident":
            if word in _CONSTANTS:
                found.append(Token("literal", word, at, _CONSTANTS[word]))
            else:
                found.append(Token("in" if word == "in" else "ident", word, at))
        elif kind == "operator":
            found.append(Token(word, word, at))
        elif kind == "quoted":
            found.append(Token("quoted", word[1:-1], at))
        elif kind != "space":
            found.append(Token("literal", word, at, _literal(kind, word)))
        at = match.end()
    found.append(Token("end", "<EOF>", at))
    return found


def is_identifier(name: str) -> bool:
    """Whether a variable can be called so."""
    return _IDENTIFIER.fullmatch(name) is not None and name not in KEYWORDS


def _literal(kind: str, word: str) -> Any:
    if kind == "float":
        return float(word)
    if kind == "integer":
        is_unsigned = word[-1] in "uU"
        digits = word[:-1] if is_unsigned else word
        number = int(digits, 16 if digits.startswith("0x") else 10)
        return UInt(number) if is_unsigned else number  # the parser sees to what is too large
    prefix = word[: min(word.index(quote) for quote in "'\"" if quote in word)].lower()
    body = word[len(prefix) :]
    size = 3 if body[:3] in ("'''", '"""') else 1
    body = body[size:-size].replace("\r\n", "\n").replace("\r", "\n")
    if "b" in prefix:
        return body.encode() if "r" in prefix else _unescaped_bytes(body)
    return body if "r" in prefix else _ESCAPE.sub(_escaped, body)


def _escaped(match: re.Match[str]) -> str:
    word = match[1]
    if word[0] in "xXuU":
        code = int(word[1:], 16)
    elif word[0].isdigit():
        code = int(word, 8)
    else:
        return _ESCAPES[word]
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise BadSyntax("invalid unicode code point")
    return chr(code)


def _unescaped_bytes(body: str) -> bytes:
    found = bytearray()
    at = 0
    for match in _ESCAPE.finditer(body):
        found += body[at : match.start()].encode()
        word = match[1]
        if word[0] in "uU":
            raise BadSyntax("unable to unescape string")
        if word[0] in "xX":
            found.append(int(word[1:], 16))
        elif word[0].isdigit():
            found.append(int(word, 8))
        else:
            found += _ESCAPES[word].encode()
        at = match.end()
    return bytes(found + body[at:].encode())


_IDENTIFIER: Final = re.compile("[_a-zA-Z][_a-zA-Z0-9]*")
_ESCAPE_PATTERN: Final = (
    r"\\([abfnrtv\\?\"'`]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7][0-7])"
)
_ESCAPE: Final = re.compile(_ESCAPE_PATTERN)
_PART: Final = _ESCAPE_PATTERN.replace("(", "(?:", 1)
_TOKEN: Final = re.compile(
    r"(?P<space>[ \t\r\n\f]+|//[^\n]*)"
    r"|(?P<float>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<integer>(?:0x[0-9a-fA-F]+|\d+)[uU]?)"
    r"|(?P<raw>[bB]?[rR](?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|\"[^\"\n\r]*\"|'[^'\n\r]*'))"
    rf"|(?P<string>[bB]?(?:\"\"\"(?:{_PART}|[^\\])*?\"\"\"|'''(?:{_PART}|[^\\])*?'''"
    rf"|\"(?:{_PART}|[^\\\"\n\r])*\"|'(?:{_PART}|[^\\'\n\r])*'))"
    r"|(?P<ident>[_a-zA-Z][_a-zA-Z0-9]*)"
    r"|(?P<quoted>`[a-zA-Z0-9_.\-/ ]+`)"
    r"|(?P<operator>&&|\|\||==|!=|<=|>=|[<>+\-*/%!?:.,\[\](){}])"
)
_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_ESCAPES: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    **{sign: sign for sign in "\\?\"'`"},
}
