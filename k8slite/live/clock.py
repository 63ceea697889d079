"""A clock that can be moved forward while it runs, and a World that goes by it.

What sleeps until a moment that has been jumped over wakes at once, as after a suspend of the
computer with a clock that counts on. The time of day and trio's time move together.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from trio.abc import Clock

from k8slite.live.world import LiveWorld


class MovableClock(Clock):
    """The computer's monotonic clock, plus what it was moved."""

    def __init__(self, ahead_seconds: float = 0.0) -> None:
        self.ahead_seconds = ahead_seconds

    def start_clock(self) -> None:
        """See `trio.abc.Clock`."""

    def current_time(self) -> float:
        """Seconds since some moment, never fewer than before."""
        return time.monotonic() + self.ahead_seconds

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """How many real seconds are left until a deadline, if nobody moves the clock."""
        return deadline - self.current_time()

    def move(self, seconds: float) -> None:
        """Jump forward; from a task of the loop that goes by this clock. Raises ValueError."""
        if seconds < 0:
            raise ValueError("a clock moves forward only")
        self.ahead_seconds += seconds


class MovableWorld(LiveWorld):
    """The real outside at another time of day."""

    def __init__(self, clock: MovableClock) -> None:
        super().__init__()
        self._clock = clock

    def now(self) -> datetime:
        """The computer's time of day, plus what the clock was moved."""
        return super().now() + timedelta(seconds=self._clock.ahead_seconds)
