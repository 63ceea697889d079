"""Patterns of file names, as case, ${NAME#...} and words of a command have them (POSIX, 2.13)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

# Texts, and whether each of them was quoted: then it stands for itself.
Pieces = Sequence[tuple[str, bool]]


def is_pattern(pieces: Pieces) -> bool:
    """Whether anything in it stands for something else."""
    return any(not quoted and any(mark in text for mark in "*?[") for text, quoted in pieces)


def expression_of(pieces: Pieces, *, shortest: bool = False) -> re.Pattern[str]:
    """A regular expression for a pattern."""
    return _compiled(tuple(pieces), shortest)


def file_names(pieces: Pieces, directory: str, files: Iterable[str]) -> list[str]:
    """The names that fit, in order; `files` are absolute paths, directories end with a slash."""
    text = "".join(text for text, _ in pieces)
    absolute = text.startswith("/")
    inside = "" if absolute else directory.rstrip("/") + "/"
    depth = (inside + text).count("/")
    expression = expression_of(((inside, True), *pieces))
    found: dict[str, None] = {}
    for path in files:
        parts = path.rstrip("/").split("/")
        if len(parts) > depth:
            name = "/".join(parts[: depth + 1])
            if not parts[depth].startswith(".") and expression.fullmatch(name):
                found[name.removeprefix(inside)] = None
    return sorted(found)


@lru_cache(maxsize=256)
def _compiled(pieces: tuple[tuple[str, bool], ...], shortest: bool) -> re.Pattern[str]:
    parts: list[str] = []
    for text, quoted in pieces:
        parts.append(re.escape(text) if quoted else _translated(text, shortest))
    return re.compile("".join(parts), re.DOTALL)


def _translated(text: str, shortest: bool) -> str:
    parts, at = list[str](), 0
    while at < len(text):
        here, end = text[at], text.find("]", at + 2)
        if here == "*":
            parts.append(".*?" if shortest else ".*")
        elif here == "?":
            parts.append(".")
        elif here == "[" and end > 0:
            inside = text[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            parts.append(f"[^{inside[1:]}]" if inside[0] in "!^" else f"[{inside}]")
            at = end
        else:
            parts.append(re.escape(here))
        at += 1
    return "".join(parts)
