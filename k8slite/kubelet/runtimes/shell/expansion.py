"""Makes words of a command of the tree's words (POSIX, 2.6): values, fields, names of files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from k8slite.kubelet.runtimes.shell.arithmetic import value_of
from k8slite.kubelet.runtimes.shell.patterns import Pieces, expression_of, file_names, is_pattern
from k8slite.kubelet.runtimes.shell.state import Complaint, State
from k8slite.kubelet.runtimes.shell.tree import (
    Arithmetic,
    Parameter,
    Part,
    Sequence,
    Substitution,
    Text,
    Word,
)

# Runs the commands of a substitution; what they print.
Capture = Callable[[State, Sequence], Awaitable[str]]
Field = list[tuple[str, bool]]  # texts, and whether they were quoted


class Expansion:
    """Expands words in a shell."""

    def __init__(self, state: State, capture: Capture) -> None:
        self._state = state
        self._capture = capture

    async def words(self, words: Iterable[Word]) -> list[str]:
        """The words of a command."""
        found: list[str] = []
        for word in words:
            for one in await self._fields(word):
                found += self._file_names(one)
        return found

    async def text(self, word: Word) -> str:
        """A word as it is assigned or redirected to: one, whatever is in it."""
        return "".join(text for text, _ in await self.pieces(word))

    async def pieces(self, word: Word) -> Pieces:
        """A word as a pattern: what was quoted stands for itself."""
        return [(await self._value(part), part.quoted) for part in word]

    async def _fields(self, word: Word) -> list[Field]:
        fields: list[Field] = []
        open_ = False  # whether the last field goes on
        for part in word:
            if isinstance(part, Parameter) and part.name == "@" and part.quoted:
                arguments = self._state.arguments[1:]
                for position, argument in enumerate(arguments):
                    if not open_ or position:
                        fields.append([])
                    fields[-1].append((argument, True))
                    open_ = True
                continue
            value = await self._value(part)
            if part.quoted or isinstance(part, Text):
                if not open_:
                    fields.append([])
                fields[-1].append((value, part.quoted))
                open_ = True
            else:
                open_ = self._split(value, fields, open_)
        return fields

    def _split(self, value: str, fields: list[Field], open_: bool) -> bool:
        """Add the fields of a value; whether the last of them goes on."""
        separators = self._state.variables.get("IFS", _SEPARATORS)
        text = "".join("\0" if one in separators else one for one in value)
        if text[:1] == "\0":
            open_ = False
        for one in text.split("\0"):
            if not one:
                continue
            if not open_:
                fields.append([])
            fields[-1].append((one, False))
            open_ = False
        return open_ if not text else text[-1] != "\0"

    def _file_names(self, pieces: Field) -> list[str]:
        text = "".join(text for text, _ in pieces)
        if self._state.options.get("f") or not is_pattern(pieces):
            return [text]
        box = self._state.box
        return file_names(pieces, box.directory, list(box.files)) or [text]

    async def _value(self, part: Part) -> str:
        if isinstance(part, Text):
            return part.text
        if isinstance(part, Substitution):
            return (await self._capture(self._state, part.body)).rstrip("\n")
        if isinstance(part, Arithmetic):
            return str(value_of(await self.text(part.word), self._state.variables))
        return await self._parameter(part)

    async def _parameter(self, part: Parameter) -> str:
        state, operator = self._state, part.operator
        value = state.value(part.name)
        if operator == "length":
            return str(len(value or ""))
        if operator[:1] in ("#", "%") and operator:
            pieces = await self.pieces(part.word)
            return _trimmed(value or "", operator, pieces)
        missing = value is None or (operator.startswith(":") and not value)
        kind = operator.removeprefix(":")
        if kind == "+":
            return "" if missing else await self.text(part.word)
        if not missing:
            return value or ""
        if kind == "?":
            why = await self.text(part.word) or "parameter not set"
            raise Complaint(f"{part.name}: {why}")
        if kind in ("-", "="):
            word = await self.text(part.word)
            if kind == "=":
                state.variables[part.name] = word
            return word
        if state.options.get("u") and part.name not in ("@", "*"):
            raise Complaint(f"{part.name}: parameter not set")
        return ""


def _trimmed(value: str, operator: str, pieces: Pieces) -> str:
    """Without the shortest or longest beginning or end that fits."""
    expression = expression_of(pieces)
    lengths = range(len(value) + 1)
    ordered = lengths if len(operator) == 1 else reversed(lengths)
    for length in ordered:
        cut = value[:length] if operator[0] == "#" else value[len(value) - length :]
        if expression.fullmatch(cut):
            return value[length:] if operator[0] == "#" else value[: len(value) - length]
    return value


_SEPARATORS: Final = " \t\n"
