"""Whether a shell's text holds only commands that are known, before any of them is run (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from k8slite.kubelet.runtimes.shell.builtins import BUILTINS
from k8slite.kubelet.runtimes.shell.tree import Function, Simple, Word, literal
from k8slite.kubelet.runtimes.shell.tree import Sequence as Commands

# Whether a command, all of whose words are known beforehand, is known.
Known = Callable[[Sequence[str]], bool]


def understood(body: Commands, known: Known) -> bool:
    """Whether every command in it is a builtin, a function of its own, or known."""
    nodes = list(_nodes(body))
    functions = {node.name for node in nodes if isinstance(node, Function)}
    return all(
        _is_known(node.words, functions, known) for node in nodes if isinstance(node, Simple)
    )


def traps(body: Commands) -> bool:
    """Whether it sets a trap."""
    return any(
        isinstance(node, Simple) and node.words and literal(node.words[0]) == "trap"
        for node in _nodes(body)
    )


def _is_known(words: tuple[Word, ...], functions: set[str], known: Known) -> bool:
    names = [literal(word) for word in words]
    if names[:1] == ["exec"]:
        names = names[1:]
    if not names:
        return True
    name = names[0]
    if name is None:
        return False
    if name in BUILTINS or name in functions:
        return True
    # What is put in at run time is no matter, unless it is a shell's own text.
    return known([one if one is not None else "$" for one in names])


def _nodes(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for one in value:
            yield from _nodes(one)
    elif attrs.has(type(value)):
        yield value
        for one in attrs.fields(type(value)):
            yield from _nodes(getattr(value, one.name))
