"""Everything that is not computed: the time of day, chance and identifiers.

Durations and deadlines come from trio's clock; dates, random numbers and UIDs come from here.
Nothing outside `live` asks the operating system for them, so that a simulated run is a function
of its code, its plan and its seed.
"""

from __future__ import annotations

import random
from datetime import datetime
from typing import Protocol


class World(Protocol):
    """What a component may know of the outside without sending a message."""

    @property
    def chance(self) -> random.Random:
        """The run's source of random numbers."""
        ...

    def now(self) -> datetime:
        """The time of day, aware, in UTC."""
        ...

    def uid(self) -> str:
        """A new identifier in the form of a version 4 UUID, never given before."""
        ...
