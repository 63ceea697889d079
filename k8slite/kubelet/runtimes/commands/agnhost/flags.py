"""The flags of agnhost's subcommands (upstream: cobra)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from k8slite.kubelet.runtimes.annotations import duration_seconds


class Flags:
    """What a subcommand is told: `--name=value`, `--name value` or, if it is so short, `-n value`.

    A flag that is known to be a boolean needs no value.
    """

    def __init__(
        self, words: Sequence[str], short: dict[str, str] | None = None, booleans: str = ""
    ) -> None:
        self._values: dict[str, str] = {}
        self.operands: list[str] = []
        rest = list(words)
        while rest:
            word = rest.pop(0)
            if word == "--":
                self.operands += rest
                break
            if not word.startswith("-") or word == "-":
                self.operands.append(word)
                continue
            name, equals, value = word.lstrip("-").partition("=")
            name = (short or {}).get(name, name)
            if not equals:
                boolean = name in booleans.split()
                value = "true" if boolean or not rest else rest.pop(0)
            self._values[name] = value

    def text(self, name: str, default: str = "") -> str:
        """A flag's value."""
        return self._values.get(name, default)

    def number(self, name: str, default: int) -> int:
        """A flag's value. Raises ValueError."""
        return int(self._values.get(name, default))

    def seconds(self, name: str, default: float = 0.0) -> float:
        """A flag's duration. Raises ValueError."""
        return duration_seconds(self._values[name]) if name in self._values else default

    def true(self, name: str, default: bool = False) -> bool:
        """Whether a flag is set."""
        return self._values.get(name, str(default)).lower() in _TRUE


_TRUE: Final = ("1", "t", "true")
