"""Reads a shell's text word by word; where words end, and what quotes and $ make of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from k8slite.kubelet.runtimes.shell.tree import (
    Arithmetic,
    NotShell,
    Parameter,
    Part,
    Sequence,
    Substitution,
    Text,
    Word,
)

Parse = Callable[[str], Sequence]


class Lexer:
    """A place in a text. `parse` reads the commands inside of $( )."""

    def __init__(self, text: str, parse: Parse) -> None:
        self.text = text.replace("\\\n", "")
        self.at = 0
        self._parse = parse

    @property
    def ended(self) -> bool:
        return self.at >= len(self.text)

    def looking_at(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def skip_blanks(self) -> None:
        """Go on to the next word or operator of the line."""
        while not self.ended and self.text[self.at] in " \t\r":
            self.at += 1
        if self.looking_at("#"):
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end

    def operator(self) -> str:
        """The operator here, or ""; the longest that fits."""
        self.skip_blanks()
        return next((one for one in _OPERATORS if self.looking_at(one)), "")

    def number_before_redirect(self) -> int | None:
        """The N of N>, which is taken."""
        found = _DESCRIPTOR.match(self.text, self.at)
        if found is None:
            return None
        self.at += 1
        return int(found[1])

    def peek_name(self) -> str:
        """The unquoted word here, if it is nothing but letters: perhaps a reserved one."""
        self.skip_blanks()
        found = _PLAIN.match(self.text, self.at)
        return found[0] if found else ""

    def word(self) -> Word:
        """The word here. Raises NotShell where there is none."""
        self.skip_blanks()
        begin, parts = self.at, list[Part]()
        while not self.ended and self.text[self.at] not in _ENDS:
            parts += self._part()
        if self.at == begin:
            what = "end of file" if self.ended else self.operator() or self.text[self.at]
            raise NotShell(f'syntax error: unexpected "{what}"'.replace("\n", "newline"))
        return tuple(parts)

    def line(self) -> str:
        """The rest of the line, with its end."""
        end = self.text.find("\n", self.at) + 1 or len(self.text)
        found, self.at = self.text[self.at : end], end
        return found

    def quoted_text(self) -> Word:
        """Everything that is left, as between double quotes."""
        parts = list[Part]()
        while not self.ended:
            parts += self._quoted_part("")
        return tuple(parts)

    def _part(self) -> list[Part]:
        here = self.text[self.at]
        if here == "'":
            return [Text(self._until("'"), quoted=True)]
        if here == '"':
            return self._double_quoted()
        if here == "\\":
            self.at += 2
            return [Text(self.text[self.at - 1 : self.at], quoted=True)]
        if here in "$`":
            return [self._dollar(quoted=False)]
        self.at += 1
        return [Text(here)]

    def _until(self, end: str) -> str:
        """What stands between here and an end, which is taken too."""
        begin = self.at + 1
        stop = self.text.find(end, begin)
        if stop < 0:
            raise NotShell("syntax error: unterminated quoted string")
        self.at = stop + len(end)
        return self.text[begin:stop]

    def _double_quoted(self) -> list[Part]:
        self.at += 1
        parts: list[Part] = [Text("", quoted=True)]
        while not self.looking_at('"'):
            if self.ended:
                raise NotShell("syntax error: unterminated quoted string")
            parts += self._quoted_part('"')
        self.at += 1
        return parts

    def _quoted_part(self, end: str) -> list[Part]:
        here = self.text[self.at]
        if here in "$`":
            return [self._dollar(quoted=True)]
        if here == "\\" and self.text[self.at + 1 : self.at + 2] in ("$", "`", "\\", end):
            self.at += 1
            here = self.text[self.at : self.at + 1]
        self.at += 1
        return [Text(here, quoted=True)]

    def _dollar(self, *, quoted: bool) -> Part:
        if self.looking_at("`"):
            inside = self._until("`")
            return Substitution(self._parse(inside.replace("\\`", "`")), quoted)
        if self.looking_at("$(("):
            end = self._closing(self.at + 3, "))")
            inside, self.at = self.text[self.at + 3 : end], end + 2
            return Arithmetic(Lexer(inside, self._parse).quoted_text(), quoted)
        if self.looking_at("$("):
            end = self._closing(self.at + 2, ")")
            inside, self.at = self.text[self.at + 2 : end], end + 1
            return Substitution(self._parse(inside), quoted)
        if self.looking_at("${"):
            return self._braced(quoted)
        found = _NAME.match(self.text, self.at + 1)
        if found is None:
            self.at += 1
            return Text("$", quoted)
        self.at = found.end()
        return Parameter(found[0], quoted)

    def _braced(self, quoted: bool) -> Part:
        end = self._closing(self.at + 2, "}")
        inside, self.at = self.text[self.at + 2 : end], end + 1
        if inside.startswith("#") and _NAME.fullmatch(inside, 1):
            return Parameter(inside[1:], quoted, "length")
        found = _BRACED.fullmatch(inside)
        if found is None:
            raise NotShell("syntax error: bad substitution")
        rest = Lexer(found[3] or "", self._parse)
        word = rest.quoted_text() if quoted else rest._all_parts()
        return Parameter(found[1], quoted, found[2] or "", word)

    def _all_parts(self) -> Word:
        parts = list[Part]()
        while not self.ended:
            parts += self._part()
        return tuple(parts)

    def _closing(self, begin: int, end: str) -> int:
        """Where the bracket that is open closes, past quotes and others inside."""
        opening = "{" if end == "}" else "("
        depth, at = 0, begin
        while at < len(self.text):
            here = self.text[at]
            if here == "\\":
                at += 1
            elif here == "'" or here == '"':
                at = self._skip_quotes(at, here)
            elif here == opening:
                depth += 1
            elif depth == 0 and self.text.startswith(end, at):
                return at
            elif here == end[0]:
                depth -= 1
            at += 1
        raise NotShell(f'syntax error: unexpected end of file (expecting "{end}")')

    def _skip_quotes(self, at: int, quote: str) -> int:
        at += 1
        while at < len(self.text) and self.text[at] != quote:
            at += 2 if quote == '"' and self.text[at] == "\\" else 1
        return at


_OPERATORS: Final = (
    *("<<-", "&&", "||", ";;", "&>", "<<", ">>", ">&", "<&", ">|"),
    *("&", "|", ";", "<", ">", "(", ")", "\n"),
)
_ENDS: Final = frozenset(" \t\r\n;&|<>()")
_DESCRIPTOR: Final = re.compile(r"([0-9])(?=[<>])")
_PLAIN: Final = re.compile(r"(?:[a-z]+|[{}!])(?=[ \t\r\n;&|<>()]|$)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_0-9]*|[0-9?#@*$!-]")
_BRACED: Final = re.compile(
    r"([A-Za-z_][A-Za-z_0-9]*|[0-9]+|[?#@*$!-])(?:(:?[-=+?]|##?|%%?)(.*))?", re.DOTALL
)
