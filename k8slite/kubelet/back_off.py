"""How long a kubelet waits before it tries again (upstream: `client-go/util/flowcontrol.Backoff`).

The first failure costs nothing but starts the count; each further one doubles it up to a ceiling;
what went well for twice the ceiling is forgiven.
"""

from __future__ import annotations

from typing import Final

from attrs import define

FIRST_SECONDS: Final = 10.0  # upstream's for containers and image pulls alike
MOST_SECONDS: Final = 300.0  # upstream: MaxContainerBackOff


@define(slots=True)
class BackOff:
    """The waiting of one container, or of one image; times are trio's."""

    seconds: float = 0.0
    _updated: float = 0.0

    def until(self, failed_seconds: float) -> float:
        """When the next try is due, given when the last one failed; maybe in the past."""
        if not self.seconds or self._forgiven(failed_seconds):
            return failed_seconds
        return failed_seconds + self.seconds

    def next(self, failed_seconds: float, now_seconds: float) -> None:
        """Another try is made now."""
        if not self.seconds or self._forgiven(failed_seconds):
            self.seconds = FIRST_SECONDS
        else:
            self.seconds = min(self.seconds * 2, MOST_SECONDS)
        self._updated = now_seconds

    def _forgiven(self, failed_seconds: float) -> bool:
        return failed_seconds - self._updated > 2 * MOST_SECONDS


def go_duration(seconds: float) -> str:
    """A duration as Go prints it, to the millisecond: 10s, 1m20s, 1h0m0s, 1.5s, 20ms, 0s."""
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds else "0s"
    minutes, rest = divmod(milliseconds, 60_000)
    whole, thousandths = divmod(rest, 1000)
    text = f"{whole}.{thousandths:03d}".rstrip("0") if thousandths else str(whole)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{text}s"
    return f"{minutes}m{text}s" if minutes else f"{text}s"
