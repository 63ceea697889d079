"""The values that a shell's text is read into (POSIX, Shell Command Language, 2.2 to 2.10)."""

from __future__ import annotations

from attrs import frozen


class NotShell(ValueError):
    """A text that is no shell, or more of it than is known here."""


# Parts of a word


@frozen
class Text:
    """Itself; quoted text is neither split nor a pattern."""

    text: str
    quoted: bool = False


@frozen
class Parameter:
    """$NAME, or ${NAME<operator>word}; the operator "length" is ${#NAME}."""

    name: str
    quoted: bool = False
    operator: str = ""
    word: tuple[Part, ...] = ()


@frozen
class Substitution:
    """$(...): what the commands print."""

    body: Sequence
    quoted: bool = False


@frozen
class Arithmetic:
    """$((...)): the value of what the word expands to."""

    word: tuple[Part, ...]
    quoted: bool = False


Part = Text | Parameter | Substitution | Arithmetic
Word = tuple[Part, ...]


def literal(word: Word) -> str | None:
    """The word as it is, if nothing in it is to be expanded."""
    texts = [part.text for part in word if isinstance(part, Text)]
    return "".join(texts) if len(texts) == len(word) else None


# Commands


@frozen
class Redirect:
    """Where a stream goes to or comes from; "<<" has the text itself as its target."""

    descriptor: int
    operator: str  # ">", ">>", "<", ">&", "<&" or "<<"
    target: Word


@frozen
class Simple:
    """A command's words, with assignments before it."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...] = ()


@frozen
class Pipeline:
    """Commands joined by |."""

    stages: tuple[Command, ...]
    negated: bool = False


@frozen
class AndOr:
    """Pipelines joined by && and ||."""

    first: Pipeline
    rest: tuple[tuple[str, Pipeline], ...] = ()


@frozen
class Sequence:
    """One after the other; who has True behind it is not waited for."""

    items: tuple[tuple[AndOr, bool], ...]


@frozen
class If:
    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence | None = None


@frozen
class Loop:
    """while, or until."""

    condition: Sequence
    body: Sequence
    until: bool = False


@frozen
class For:
    name: str
    words: tuple[Word, ...] | None  # None: the positional parameters
    body: Sequence


@frozen
class Case:
    word: Word
    branches: tuple[tuple[tuple[Word, ...], Sequence], ...]


@frozen
class Group:
    """{ ...; }, or ( ... ) which keeps what it changes to itself."""

    body: Sequence
    subshell: bool = False


@frozen
class Function:
    name: str
    body: Command


@frozen
class Redirected:
    """A compound command with redirections behind it."""

    command: Command
    redirects: tuple[Redirect, ...]


Command = Simple | If | Loop | For | Case | Group | Function | Redirected
