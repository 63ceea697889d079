"""When a pod counts as available: ready, and for long enough (upstream: `IsPodAvailable`). Pure."""

from __future__ import annotations

from datetime import datetime

from k8slite.kinds.core.models import Pod


def available_in_seconds(pod: Pod, min_ready_seconds: int, now: datetime) -> float | None:
    """In how many seconds a pod counts as available: 0 for now, None if it is not ready or nobody
    knows since when it has been."""
    condition = pod.condition("Ready")
    if condition is None or condition.status != "True":
        return None
    if min_ready_seconds == 0:
        return 0.0
    since = condition.last_transition_time
    if since is None:
        return None
    return max(0.0, min_ready_seconds - (now - since).total_seconds())


def available(pod: Pod, min_ready_seconds: int, now: datetime) -> bool:
    """Whether a pod counts as available now."""
    return available_in_seconds(pod, min_ready_seconds, now) == 0
