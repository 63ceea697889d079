"""What is counted and timed, and how Prometheus reads it: its text format, version 0.0.4.

A family is one name with its samples, one for each set of values of its labels. Whoever owns what
is measured makes the families; who answers /metrics puts them into text. Pure: the time comes from
whoever observes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol

from attrs import define, field, frozen

Values = tuple[str, ...]
Sample = tuple[Values, float]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"


class Family(Protocol):
    """One name with its samples."""

    @property
    def name(self) -> str: ...

    @property
    def help(self) -> str: ...

    @property
    def sort(self) -> str:
        """counter, gauge or histogram."""
        ...

    def lines(self) -> Iterator[str]:
        """The samples, in order of their labels."""
        ...


@define(eq=False)
class Counter:
    """What only grows."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    sort: str = "counter"
    found: dict[Values, float] = field(factory=dict)

    def add(self, *values: str, by: float = 1) -> None:
        """So many more under these values of the labels."""
        self.found[values] = self.found.get(values, 0) + by

    def lines(self) -> Iterator[str]:
        for values in sorted(self.found):
            yield _line(self.name, self.labels, values, self.found[values])


@define(eq=False)
class Histogram:
    """How often something was at most so much: seconds, bytes, or a number."""

    name: str
    help: str
    bounds: Sequence[float]
    labels: tuple[str, ...] = ()
    sort: str = "histogram"
    # By values: how many in each bucket, how many above all, and the sum.
    found: dict[Values, list[float]] = field(factory=dict)

    def row(self, *values: str) -> list[float]:
        """The numbers under these values, for who observes often; see `note`."""
        found = self.found.get(values)
        if found is None:
            found = self.found[values] = [0.0] * (len(self.bounds) + 2)
        return found

    def note(self, row: list[float], amount: float) -> None:
        """One observation more in a row."""
        # Most are in the first bucket.
        row[0 if amount <= self.bounds[0] else bisect_left(self.bounds, amount)] += 1
        row[-1] += amount

    def observe(self, amount: float, *values: str) -> None:
        """One observation more under these values of the labels."""
        self.note(self.row(*values), amount)

    def lines(self) -> Iterator[str]:
        bounds = (*(f"{bound:.12g}" for bound in self.bounds), "+Inf")
        names = (*self.labels, "le")
        for values in sorted(self.found):
            row = self.found[values]
            total = 0.0
            for bound, count in zip(bounds, row[:-1], strict=True):
                total += count
                yield _line(f"{self.name}_bucket", names, (*values, bound), total)
            yield _line(f"{self.name}_sum", self.labels, values, row[-1])
            yield _line(f"{self.name}_count", self.labels, values, total)


@frozen(eq=False)
class Reading:
    """What somebody else knows, read when it is asked for."""

    name: str
    help: str
    read: Callable[[], Iterable[Sample]]
    labels: tuple[str, ...] = ()
    sort: str = "gauge"

    def lines(self) -> Iterator[str]:
        for values, amount in self.read():
            yield _line(self.name, self.labels, values, amount)


def exponential(start: float, factor: float, count: int) -> tuple[float, ...]:
    """Bounds of buckets, each so many times the one before (`ExponentialBuckets`)."""
    return tuple(start * factor**power for power in range(count))


def exposition(families: Iterable[Family]) -> str:
    """All families as text, in order of their names; of one name, one after the other."""
    lines = []
    before = ""
    for family in sorted(families, key=lambda one: one.name):
        if family.name != before:
            before = family.name
            lines += [f"# HELP {before} {family.help}", f"# TYPE {before} {family.sort}"]
        lines += family.lines()
    return "\n".join(lines) + "\n"


def _line(name: str, labels: Sequence[str], values: Sequence[str], amount: float) -> str:
    if not labels:
        return f"{name} {amount:.12g}"
    pairs = zip(labels, values, strict=True)
    listed = ",".join(f'{label}="{_escaped(value)}"' for label, value in pairs)
    return f"{name}{{{listed}}} {amount:.12g}"


def _escaped(value: str) -> str:
    if "\\" in value or '"' in value or "\n" in value:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return value
