"""How long a Job waits after failures before it makes other pods (upstream: `backoff_utils.go`).

The pause doubles with each failure since the last success, over the whole Job, or over each index
where those have a limit of their own. It is remembered only as long as the controller lives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from k8slite.controllers.batch.job_pods import (
    finished_at,
    ignored_index_failures,
    index_failures,
)
from k8slite.kinds.core.models import Pod

PAUSE_SECONDS: Final = 10.0  # after the first failure (upstream's DefaultJobPodFailureBackOff)
PAUSE_MOST_SECONDS: Final = 600.0  # upstream's MaxJobPodFailureBackOff
_DOUBLINGS: Final = 6  # 10 s * 2^6 is more than the longest pause


@frozen
class BackOff:
    """What a Job has to remember."""

    failures: int = 0  # since the last success
    last_failure: datetime | None = None

    def after(self, succeeded: Sequence[Pod], failed: Sequence[Pod]) -> BackOff:
        """With pods that have ended since."""
        ends = sorted(_ends(failed))
        if not succeeded:
            if not ends:
                return self
            return BackOff(self.failures + len(ends), ends[-1])
        last_success = max(_ends(succeeded), default=None)
        later = [end for end in ends if last_success is None or end > last_success]
        return BackOff(len(later), later[-1] if later else None)

    def remaining_seconds(self, now: datetime) -> float:
        """How long other pods have to wait."""
        return _remaining_seconds(self.failures, self.last_failure, now)


def index_remaining_seconds(last: Pod | None, now: datetime) -> float:
    """How long the next pod of an index has to wait; `last` failed last, if one did."""
    if last is None:
        return 0.0
    failures = index_failures(last) + ignored_index_failures(last) + 1
    return _remaining_seconds(failures, finished_at(last), now)


def _ends(pods: Iterable[Pod]) -> Iterable[datetime]:
    return (end for end in map(finished_at, pods) if end is not None)


def _remaining_seconds(failures: int, last: datetime | None, now: datetime) -> float:
    if failures == 0 or last is None:
        return 0.0
    pause_seconds = min(PAUSE_SECONDS * 2.0 ** min(failures - 1, _DOUBLINGS), PAUSE_MOST_SECONDS)
    return max(0.0, pause_seconds - (now - last).total_seconds())
