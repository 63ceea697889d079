"""Reads a shell's text into a tree (POSIX, Shell Command Language, 2.10)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from attrs import evolve

from k8slite.kubelet.runtimes.shell.lexer import Lexer
from k8slite.kubelet.runtimes.shell.tree import (
    AndOr,
    Case,
    Command,
    For,
    Function,
    Group,
    If,
    Loop,
    NotShell,
    Pipeline,
    Redirect,
    Redirected,
    Sequence,
    Simple,
    Text,
    Word,
    literal,
)


def parsed(text: str) -> Sequence:
    """The commands of a text. Raises NotShell."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._lexer = Lexer(text, parsed)

    def whole(self) -> Sequence:
        found = self._sequence(())
        if not self._lexer.ended:
            raise self._unexpected()
        return found

    def _unexpected(self) -> NotShell:
        lexer = self._lexer
        what = lexer.operator() or lexer.peek_name() or "end of file"
        return NotShell(f'syntax error: unexpected "{what}"'.replace("\n", "newline"))

    # Lists

    def _sequence(self, ends: tuple[str, ...]) -> Sequence:
        """Commands until one of the reserved words or operators, which is left there."""
        items: list[tuple[AndOr, bool]] = []
        while True:
            self._newlines()
            lexer = self._lexer
            if lexer.ended or lexer.operator() in (")", ";;") or lexer.peek_name() in ends:
                return Sequence(tuple(items))
            node = self._and_or()
            operator = lexer.operator()
            if operator in ("&", ";"):
                self._take(operator)
            items.append((node, operator == "&"))
            if operator not in ("&", ";", "\n"):
                return Sequence(tuple(items))

    def _and_or(self) -> AndOr:
        first, rest = self._pipeline(), list[tuple[str, Pipeline]]()
        while (operator := self._lexer.operator()) in ("&&", "||"):
            self._take(operator)
            self._newlines()
            rest.append((operator, self._pipeline()))
        return AndOr(first, tuple(rest))

    def _pipeline(self) -> Pipeline:
        negated = self._lexer.peek_name() == "!"
        if negated:
            self._take("!")
        stages = [self._command()]
        while self._lexer.operator() == "|":
            self._take("|")
            self._newlines()
            stages.append(self._command())
        return Pipeline(tuple(stages), negated)

    # Commands

    def _command(self) -> Command:
        lexer = self._lexer
        name = lexer.peek_name()
        if lexer.operator() == "(":
            self._take("(")
            found: Command = Group(self._sequence(()), subshell=True)
            self._take(")")
        elif name in _COMPOUND:
            self._take(name)
            found = _COMPOUND[name](self)
        elif name in _CLOSING:
            raise self._unexpected()
        elif (function := _FUNCTION.match(lexer.text, lexer.at)) is not None:
            lexer.at = function.end()
            self._newlines()
            return Function(function[1], self._command())
        else:
            return self._simple()
        redirects = self._redirects()
        return Redirected(found, redirects) if redirects else found

    def _simple(self) -> Simple:
        assignments, words = list[tuple[str, Word]](), list[Word]()
        redirects = list[Redirect]()
        lexer = self._lexer
        while True:
            redirects += self._redirects()
            if lexer.ended or lexer.operator():
                break
            assignment = _ASSIGNMENT.match(lexer.text, lexer.at) if not words else None
            if assignment is None:
                words.append(lexer.word())
                continue
            lexer.at = assignment.end()
            empty = lexer.ended or lexer.text[lexer.at] in " \t\r\n;&|<>()"
            assignments.append((assignment[1], () if empty else lexer.word()))
        if not (assignments or words or redirects):
            raise self._unexpected()
        return Simple(tuple(assignments), tuple(words), tuple(redirects))

    def _redirects(self) -> tuple[Redirect, ...]:
        found: list[Redirect] = []
        lexer = self._lexer
        while True:
            lexer.skip_blanks()
            number = lexer.number_before_redirect()
            operator = lexer.operator()
            if operator == "&>":
                self._take(operator)
                found += [Redirect(1, ">", lexer.word()), Redirect(2, ">&", (Text("1"),))]
            elif operator in ("<<", "<<-"):
                self._take(operator)
                found.append(Redirect(number or 0, "<<", self._await_text(operator == "<<-")))
            elif operator in _REDIRECTS:
                self._take(operator)
                default = 0 if operator[0] == "<" else 1
                kind = ">" if operator == ">|" else operator
                target = lexer.word()
                found.append(Redirect(default if number is None else number, kind, target))
            else:
                return tuple(found)

    def _await_text(self, tabs: bool) -> Word:
        """The text after a << is on the lines that follow: read them ahead, cut them out."""
        lexer = self._lexer
        word = lexer.word()
        end = literal(word)
        if end is None:
            raise NotShell("syntax error: the end of a here-document is to be expanded")
        quoted = any(isinstance(part, Text) and part.quoted for part in word)
        line_end = lexer.text.find("\n", lexer.at)
        head = len(lexer.text) if line_end < 0 else line_end + 1
        inside = Lexer(lexer.text[head:], parsed)
        body = ""
        while not inside.ended:
            line = inside.line()
            line = line.lstrip("\t") if tabs else line
            if line.rstrip("\n") == end:
                break
            body += line
        lexer.text = lexer.text[:head] + inside.text[inside.at :]
        return (Text(body, quoted=True),) if quoted else Lexer(body, parsed).quoted_text()

    def _if(self) -> If:
        branches = [self._branch()]
        while self._lexer.peek_name() == "elif":
            self._take("elif")
            branches.append(self._branch())
        otherwise = None
        if self._lexer.peek_name() == "else":
            self._take("else")
            otherwise = self._sequence(("fi",))
        self._take("fi")
        return If(tuple(branches), otherwise)

    def _branch(self) -> tuple[Sequence, Sequence]:
        condition = self._sequence(("then",))
        self._take("then")
        return condition, self._sequence(("elif", "else", "fi"))

    def _while(self) -> Loop:
        condition = self._sequence(("do",))
        return Loop(condition, self._do())

    def _until(self) -> Loop:
        return evolve(self._while(), until=True)

    def _do(self) -> Sequence:
        self._newlines()
        self._take("do")
        body = self._sequence(("done",))
        self._take("done")
        return body

    def _for(self) -> For:
        name = literal(self._lexer.word())
        if name is None or not _IS_NAME.fullmatch(name):
            raise NotShell("syntax error: bad for loop variable")
        self._newlines()
        words: list[Word] | None = None
        if self._lexer.peek_name() == "in":
            self._take("in")
            words = []
            while not self._lexer.ended and not self._lexer.operator():
                words.append(self._lexer.word())
        if self._lexer.operator() == ";":
            self._take(";")
        return For(name, None if words is None else tuple(words), self._do())

    def _case(self) -> Case:
        word = self._lexer.word()
        self._newlines()
        self._take("in")
        branches: list[tuple[tuple[Word, ...], Sequence]] = []
        while True:
            self._newlines()
            if self._lexer.peek_name() == "esac":
                self._take("esac")
                return Case(word, tuple(branches))
            if self._lexer.operator() == "(":
                self._take("(")
            patterns = [self._lexer.word()]
            while self._lexer.operator() == "|":
                self._take("|")
                patterns.append(self._lexer.word())
            self._take(")")
            branches.append((tuple(patterns), self._sequence(("esac",))))
            if self._lexer.operator() == ";;":
                self._take(";;")

    def _braces(self) -> Group:
        body = self._sequence(("}",))
        self._take("}")
        return Group(body)

    # Small things

    def _take(self, expected: str) -> None:
        self._lexer.skip_blanks()
        if not self._lexer.looking_at(expected):
            raise self._unexpected()
        self._lexer.at += len(expected)

    def _newlines(self) -> None:
        while self._lexer.operator() == "\n":
            self._lexer.at += 1


_COMPOUND: Final[Mapping[str, Callable[[_Parser], Command]]] = {
    "if": _Parser._if,
    "while": _Parser._while,
    "until": _Parser._until,
    "for": _Parser._for,
    "case": _Parser._case,
    "{": _Parser._braces,
}
_CLOSING: Final = frozenset({"then", "elif", "else", "fi", "do", "done", "esac", "}"})
_REDIRECTS: Final = frozenset({">", ">>", "<", ">&", "<&", ">|"})
_FUNCTION: Final = re.compile(r"([A-Za-z_][A-Za-z_0-9]*)[ \t]*\([ \t]*\)")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z_0-9]*)=")
_IS_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
