"""Flags that upstream's components have too: a text each, which is read where it is needed."""

from __future__ import annotations

import argparse
from typing import Final

from attrs import frozen

from k8slite.cli.place import Complaint

_TRUTHS: Final = {"true": True, "false": False, "1": True, "0": False}


@frozen
class Flags:
    """Some that belong together: each its name, what stands for its value, what it is for."""

    title: str
    rows: tuple[tuple[str, str, str], ...]

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Have them taken; "" for one that is not given."""
        group = parser.add_argument_group(self.title)
        for name, value, what in self.rows:
            group.add_argument(f"--{name}", default="", metavar=value, help=what)

    def given(self, parsed: argparse.Namespace) -> list[str]:
        """Those that were given, for another process."""
        return [f"--{name}={value}" for name, *_ in self.rows if (value := said(parsed, name))]


def said(parsed: argparse.Namespace, name: str) -> str:
    """What was given for a flag."""
    found: str = getattr(parsed, name.replace("-", "_"))
    return found


def truth(name: str, text: str) -> bool:
    """What a flag's text means. Raises Complaint."""
    found = _TRUTHS.get(text.lower())
    if found is None:
        raise Complaint(f"--{name}={text} is neither true nor false")
    return found
