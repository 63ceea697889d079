"""Leaders: a lease changes hands only when it was given up or has run out.

Mirrors client-go's leader election, whose candidates go by the time for which they have seen no
renewal, not by what anybody's clock has written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import LEASES


class Leases:
    """One holder at a time."""

    name: ClassVar[str] = "leases"
    prefixes: ClassVar[tuple[str, ...]] = (LEASES,)

    def __init__(self, setting: Setting) -> None:
        self._renewed_seconds: dict[str, float] = {}

    def commit(self, change: Change) -> Iterable[str]:
        old, new = change.old, change.new
        renewed = self._renewed_seconds.get(change.key, change.clock_seconds)
        self._renewed_seconds[change.key] = change.clock_seconds
        if old is None or new is None:
            return
        before = (old.get("spec") or {}).get("holderIdentity")
        now = (new.get("spec") or {}).get("holderIdentity")
        if not before or not now or before == now:
            return
        lasting_seconds = old["spec"].get("leaseDurationSeconds", 0)
        past_seconds = change.clock_seconds - renewed
        if past_seconds < lasting_seconds:
            yield (
                f"{change.key} went from {before} to {now} {past_seconds:g} s after it was renewed "
                f"for {lasting_seconds} s"
            )

    def beat(self, key: str, clock_seconds: float) -> None:
        self._renewed_seconds[key] = clock_seconds

    def rest(self) -> Iterable[str]:
        return ()
