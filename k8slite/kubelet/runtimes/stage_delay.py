"""How long a Stage of KWOK waits before it is played (pure).

A delay is `durationMilliseconds`, or what `durationFrom` finds in the pod: a duration, or a time
until which is waited. With jitter it lies somewhere between that and the jitter's duration, which
is taken as it is where it is the shorter one (upstream: `lifecycle.go`, `value_duration_from.go`).
Where it lies is the pod's and the Stage's own: all containers of the pod, and a kubelet that takes
them up later, wait equally long. A pod's uid comes from the world's chance.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from k8slite.kubelet.runtimes.annotations import duration_seconds
from k8slite.kubelet.runtimes.stage_expressions import told
from k8slite.objects.meta import parse_timestamp


def share(pod: Mapping[str, Any], what: str) -> float:
    """A number from 0 to 1 (not included) that was drawn for something that a pod does."""
    return random.Random(f"{pod['metadata'].get('uid', '')}/{what}").random()


def delay_seconds(
    delay: Mapping[str, Any], pod: Mapping[str, Any], now: datetime, drawn: float
) -> float:
    """The delay of a Stage whose `delay` is given; `drawn` (0 to 1) says where in the jitter."""
    least = _seconds(delay, "duration", pod, now, 0.0)
    if least is None:
        return 0.0
    most = _seconds(delay, "jitterDuration", pod, now, None)
    if most is None:
        return max(least, 0.0)
    return max(most if most <= least else least + drawn * (most - least), 0.0)


def _seconds(
    delay: Mapping[str, Any],
    what: str,
    pod: Mapping[str, Any],
    now: datetime,
    default: float | None,
) -> float | None:
    """One of its durations; None where there is none, or what is found is not a duration."""
    found = told(delay, what, pod)
    if found is not None:
        return _read(found, now)
    milliseconds = delay.get(f"{what}Milliseconds")
    return default if milliseconds is None else int(milliseconds) / 1000


def _read(text: str, now: datetime) -> float | None:
    try:
        return duration_seconds(text)
    except ValueError:
        pass
    try:
        return (parse_timestamp(text) - now).total_seconds()
    except ValueError:
        return None
