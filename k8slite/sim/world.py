"""An imagined outside: the time of day follows trio's clock, chance and identifiers a seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Final

import trio

# The moment at which every simulated run begins.
EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """The time of day at that time of trio's clock."""
    return EPOCH + timedelta(seconds=seconds)


class SimulatedWorld:
    """A World that is a function of its seed and of trio's clock."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        # Identifiers come from a source of their own: one more UID shifts no other choice.
        self._identifiers = random.Random(f"uid {seed}")

    def reseed(self, seed: int) -> None:
        """From now on, chance and identifiers follow another seed."""
        # Not what they began with, should it be the same: an identifier is given once.
        self._chance.seed(f"from here on {seed}")
        self._identifiers.seed(f"uid from here on {seed}")

    @property
    def chance(self) -> random.Random:
        return self._chance

    def now(self) -> datetime:
        return at(trio.current_time())

    def uid(self) -> str:
        digits = f"{self._identifiers.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) % 4]
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
        )
