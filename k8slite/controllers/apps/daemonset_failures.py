"""How soon a daemon pod that failed is taken away, so that its successor may try.

Upstream: the `flowcontrol.Backoff` of `daemon_controller.go`: the first at once, each further one
on the same node after a pause that doubles.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from attrs import frozen

from k8slite.world import World

FIRST_SECONDS: Final = 1.0  # upstream's, for failed daemon pods
MOST_SECONDS: Final = 900.0

Key = tuple[str, int, str]  # a set's UID and observed generation, and a node's name


@frozen
class _Pause:
    seconds: float
    since: datetime


class FailedPods:
    """The pauses of all sets and nodes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pauses: dict[Key, _Pause] = {}

    def wait_seconds(self, key: Key) -> float:
        """How long a failed pod is still left alone."""
        pause = self._pauses.get(key)
        if pause is None:
            return 0.0
        return max(0.0, pause.seconds - self._passed(pause))

    def noted(self, key: Key) -> None:
        """A failed pod is taken away now."""
        for other in [one for one, pause in self._pauses.items() if self._forgiven(pause)]:
            del self._pauses[other]
        pause = self._pauses.get(key)
        seconds = min(pause.seconds * 2, MOST_SECONDS) if pause is not None else FIRST_SECONDS
        self._pauses[key] = _Pause(seconds, self._world.now())

    def _forgiven(self, pause: _Pause) -> bool:
        return self._passed(pause) > 2 * MOST_SECONDS

    def _passed(self, pause: _Pause) -> float:
        return (self._world.now() - pause.since).total_seconds()
