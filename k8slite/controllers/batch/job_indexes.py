"""Sets of completion indexes as a Job's status writes them: "0,2,4-7" (upstream:
`indexed_job_utils.go`, orderedIntervals).

A Job may have a thousand million completions: nothing here takes longer than there are intervals.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from attrs import frozen


@frozen
class Indexes:
    """A set of indexes, as ordered intervals that do not touch."""

    intervals: tuple[tuple[int, int], ...] = ()  # the first and the last index of each

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.intervals)

    def __bool__(self) -> bool:
        return bool(self.intervals)

    def __contains__(self, index: int) -> bool:
        at = bisect_left(self.intervals, index, key=lambda interval: interval[1])
        return at < len(self.intervals) and self.intervals[at][0] <= index

    def __or__(self, other: Indexes) -> Indexes:
        return _joined([*self.intervals, *other.intervals])

    def __str__(self) -> str:
        return ",".join(_written(first, last) for first, last in self.intervals)

    def overlap(self, other: Indexes) -> int:
        """How many indexes both have."""
        found = one = two = 0
        while one < len(self.intervals) and two < len(other.intervals):
            (first, last), (start, end) = self.intervals[one], other.intervals[two]
            found += max(0, min(last, end) - max(first, start) + 1)
            one += last <= end
            two += end <= last
        return found

    def missing(self, completions: int) -> Iterator[int]:
        """The indexes below `completions` that are not in here, in order."""
        index = 0
        for first, last in self.intervals:
            yield from range(index, min(first, completions))
            index = last + 1
        yield from range(index, completions)


def of(indexes: Iterable[int]) -> Indexes:
    """The set of these, in whatever order and however often they come."""
    return _joined([(index, index) for index in indexes])


def parse(text: str, completions: int) -> Indexes:
    """Read a status; what cannot be read, or is not below `completions`, is left out."""
    found: list[tuple[int, int]] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()):
            continue
        if int(first) < completions:
            found.append((int(first), min(int(last or first), completions - 1)))
    return _joined(found)


def _joined(intervals: list[tuple[int, int]]) -> Indexes:
    found: list[tuple[int, int]] = []
    for first, last in sorted(intervals):
        if found and first <= found[-1][1] + 1:
            if last > found[-1][1]:
                found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return Indexes(tuple(found))


def _written(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first},{last}" if last == first + 1 else f"{first}-{last}"
