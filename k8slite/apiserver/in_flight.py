"""How many requests may be under way at once; who is one too many is told to come again.

Upstream: `apiserver/pkg/server/filters/maxinflight.go`. Watches take long and do not count, and the
administrators' group is never turned away, so that an overloaded server can be mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from attrs import define

from k8slite.messages import User
from k8slite.objects.errors import TooManyRequests

READING_MOST: Final = 400  # upstream: --max-requests-inflight
WRITING_MOST: Final = 200  # upstream: --max-mutating-requests-inflight
_AGAIN_SECONDS: Final = 1
_MASTERS: Final = "system:masters"
_READING: Final = frozenset(("get", "list"))


@define(eq=False)
class InFlight:
    """Counts what is under way."""

    reading_most: int = READING_MOST
    writing_most: int = WRITING_MOST
    reading: int = 0
    writing: int = 0

    @contextmanager
    def counted(self, user: User, verb: str, *, takes_long: bool) -> Iterator[None]:
        """While a request is under way. Raises TooManyRequests."""
        if takes_long or _MASTERS in user.groups:
            yield
        elif verb in _READING:
            self._check(self.reading, self.reading_most)
            self.reading += 1
            try:
                yield
            finally:
                self.reading -= 1
        else:
            self._check(self.writing, self.writing_most)
            self.writing += 1
            try:
                yield
            finally:
                self.writing -= 1

    def _check(self, count: int, most: int) -> None:
        if count >= most:
            raise TooManyRequests(
                "Too many requests, please try again later.",
                details={},
                retry_after_seconds=_AGAIN_SECONDS,
            )
