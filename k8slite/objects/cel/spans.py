"""From the least to the most: sizes and costs that are only estimated."""

from __future__ import annotations

import math
from typing import Final

from attrs import frozen

MOST: Final = (1 << 64) - 1


@frozen
class Span:
    """From the least to the most: of a size, or of a cost."""

    least: int
    most: int

    def __add__(self, other: Span) -> Span:
        return Span(self.least + other.least, self.most + other.most)

    def __mul__(self, other: Span) -> Span:
        return Span(self.least * other.least, self.most * other.most)

    def __or__(self, other: Span) -> Span:
        return Span(min(self.least, other.least), max(self.most, other.most))

    def times(self, factor: float) -> Span:
        """So many times as much, rounded up."""
        return Span(_scaled(self.least, factor), _scaled(self.most, factor))


def _scaled(value: int, factor: float) -> int:
    return MOST if value >= MOST else math.ceil(value * factor)


NOTHING: Final = Span(0, 0)
ONE: Final = Span(1, 1)
UNKNOWN: Final = Span(0, MOST)
