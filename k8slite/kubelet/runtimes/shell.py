"""The little of a shell's grammar that pretended containers understand (pure)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen


class NotShell(ValueError):
    """A text that is no shell, or more of it than is known here."""


@frozen
class Line:
    """One command: its words, how it is joined to the one before, where its output goes."""

    words: tuple[str, ...]
    joined: str = ";"  # or "&&", "||"
    output: str = ""  # a path, or "&2"
    appends: bool = False
    error: str = ""  # a path, or "&1"

    def expanded(self, environment: Mapping[str, str]) -> list[str]:
        """The words with $NAME and ${NAME} replaced; not those in single quotes."""
        return [_expanded(word, environment) for word in self.words]


def lines_of(text: str) -> list[Line]:
    """The commands of a text. Raises NotShell."""
    marked = _NUMBERED.sub(rf"\1{_MARK}\2 \3", text.replace("\n", " ; "))
    lexer = shlex.shlex(marked, posix=False, punctuation_chars=";&|<>()")
    lexer.commenters = ""
    lexer.whitespace_split = True
    try:
        tokens = list(lexer)
    except ValueError as error:
        raise NotShell(f"syntax error: {error}") from None
    found: list[Line] = []
    words, joined = list[str](), ";"
    for token in [*tokens, ";"]:
        if token in (";", "&&", "||"):
            if words:
                found.append(_line(words, joined))
                words = []
            elif token != ";":
                raise NotShell(f'syntax error: unexpected "{token}"')
            joined = token
        else:
            words.append(token)
    return found


def _line(words: Sequence[str], joined: str) -> Line:
    kept, appends, number = list[str](), False, "1"
    into = {"1": "", "2": ""}
    rest = iter(words)
    for word in rest:
        if word.startswith(_MARK):
            number = word[1:]
        elif word in (">", ">>", ">&"):
            target = next(rest, "").strip("'\"")
            if not target:
                raise NotShell('syntax error: unexpected "newline"')
            into[number] = f"&{target}" if word == ">&" else target
            appends, number = word == ">>", "1"
        elif word[0] in _PUNCTUATION:
            raise NotShell(f'syntax error: "{word}" is not known to a pretended container')
        else:
            kept.append(word)
    return Line(tuple(kept), joined, into["1"], appends, into["2"])


def _expanded(word: str, environment: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        return environment.get(found[1] or found[2], "")

    parts = []
    for part in _PARTS.findall(word):
        if part.startswith("'"):
            parts.append(part[1:-1])
        else:
            bare = part[1:-1] if part.startswith('"') else part
            parts.append(_NAME.sub(value, bare))
    return "".join(parts).replace(_MARK, "")


_PUNCTUATION: Final = ";&|<>()"
# 2>FILE: a number that stands right before is no word.
_NUMBERED: Final = re.compile(r"(^|\s)([12])(>)")
_MARK: Final = "\x01"
_PARTS: Final = re.compile(r"'[^']*'|\"[^\"]*\"|[^'\"]+")
_NAME: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+|\?))")
