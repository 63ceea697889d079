"""The real outside: the computer's clock, its source of randomness, real identifiers."""

from __future__ import annotations

import random
import secrets
from datetime import UTC, datetime


class LiveWorld:
    """A World that asks the operating system."""

    def __init__(self) -> None:
        self._chance = random.Random(secrets.randbits(64))

    @property
    def chance(self) -> random.Random:
        return self._chance

    def now(self) -> datetime:
        return datetime.now(UTC)

    def uid(self) -> str:
        # From our own generator, seeded by the system: a call of the system per object would
        # cost more than all the rest of the identifier.
        digits = f"{self._chance.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) % 4]
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
        )
