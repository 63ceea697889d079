"""What becomes of a wanted number of replicas before it is set (upstream: `horizontal.go`).

First it is stabilized: nothing grows beyond the lowest, or shrinks below the highest number that
was wanted within a window. Then its rate is limited by policies, and then by the smallest and
largest number. What was wanted and done is remembered only as long as the controller lives.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import Factory, define, frozen

from k8slite.kinds.autoscaling.models import Behavior, ScalingRules

DOWNSCALE_WINDOW_SECONDS: Final = 300  # upstream's default
_GROWTH_FACTOR: Final = 2.0  # at once, without a behavior (scaleUpLimitFactor)
_GROWTH_LEAST: Final = 4  # scaleUpLimitMinimum
_NOTHING: Final = ScalingRules()


@frozen
class Ruled:
    """A number of replicas with the conditions that explain it: reason and message."""

    replicas: int
    able: tuple[str, str]
    limited: bool
    limit: tuple[str, str]


@define
class History:
    """What was wanted of one autoscaler's target, and what was done to it."""

    wanted: list[tuple[datetime, int]] = Factory(list)
    grown: list[tuple[datetime, int]] = Factory(list)  # by how many
    shrunk: list[tuple[datetime, int]] = Factory(list)

    def begin(self, replicas: int, now: datetime) -> None:
        """The first look: the size that there is counts as wanted."""
        if not self.wanted:
            self.wanted.append((now, replicas))

    def scaled(self, before: int, after: int, behavior: Behavior | None, now: datetime) -> None:
        """A change was made."""
        if behavior is None:
            return
        rules, done = (
            (behavior.scale_up, self.grown)
            if after > before
            else (behavior.scale_down, self.shrunk)
        )
        policies = (rules or _NOTHING).policies
        longest = max((policy.period_seconds for policy in policies), default=0)
        done[:] = _since(done, now - timedelta(seconds=longest))
        done.append((now, abs(after - before)))


def ruled(
    history: History,
    behavior: Behavior | None,
    current: int,
    wanted: int,
    least: int,
    most: int,
    now: datetime,
) -> Ruled:
    """Stabilize and limit a wanted number; it is remembered."""
    if behavior is None:
        stable = max([wanted, *_recent(history.wanted, now, DOWNSCALE_WINDOW_SECONDS)])
        why = _DOWN_STABILIZED
        keep_seconds = DOWNSCALE_WINDOW_SECONDS
        replicas, limit = _by_default(current, stable, least, most)
    else:
        up, down = behavior.scale_up or _NOTHING, behavior.scale_down or _NOTHING
        up_seconds = up.stabilization_window_seconds or 0
        down_seconds = down.stabilization_window_seconds
        down_seconds = DOWNSCALE_WINDOW_SECONDS if down_seconds is None else down_seconds
        low = min([wanted, *_recent(history.wanted, now, up_seconds)])
        high = max([wanted, *_recent(history.wanted, now, down_seconds)])
        stable = min(max(current, low), high)
        why = _UP_STABILIZED if wanted >= current else _DOWN_STABILIZED
        keep_seconds = max(up_seconds, down_seconds)
        replicas, limit = _by_policies(history, up, down, current, stable, least, most, now)
    history.wanted[:] = _since(history.wanted, now - timedelta(seconds=keep_seconds))
    history.wanted.append((now, wanted))
    return Ruled(replicas, _READY if stable == wanted else why, replicas != stable, limit)


def _by_default(current: int, wanted: int, least: int, most: int) -> tuple[int, tuple[str, str]]:
    """Upstream: `convertDesiredReplicasWithRules`."""
    growth = max(int(_GROWTH_FACTOR * current), _GROWTH_LEAST)
    if wanted < least:
        return least, _TOO_FEW
    if wanted > min(most, growth):
        return min(most, growth), _UP_LIMIT if most > growth else _TOO_MANY
    return wanted, _WITHIN


def _by_policies(
    history: History,
    up: ScalingRules,
    down: ScalingRules,
    current: int,
    wanted: int,
    least: int,
    most: int,
    now: datetime,
) -> tuple[int, tuple[str, str]]:
    """Upstream: `convertDesiredReplicasWithBehaviorRate`."""
    if wanted > current:
        limit = max(current, _limit(history, up, current, now, growing=True))
        allowed = min(most, limit)
        if wanted > allowed:
            return allowed, _UP_LIMIT if most > limit else _TOO_MANY
    elif wanted < current:
        limit = min(current, _limit(history, down, current, now, growing=False))
        allowed = max(least, limit)
        if wanted < allowed:
            return allowed, _DOWN_LIMIT if least < limit else _TOO_FEW
    return wanted, _WITHIN


def _limit(
    history: History, rules: ScalingRules, current: int, now: datetime, *, growing: bool
) -> int:
    """How far the policies let the size go now."""
    if rules.select_policy == "Disabled" or not rules.policies:
        return current
    proposed = []
    for policy in rules.policies:
        cutoff = now - timedelta(seconds=policy.period_seconds)
        grown = sum(number for _, number in _after(history.grown, cutoff))
        shrunk = sum(number for _, number in _after(history.shrunk, cutoff))
        began = current - grown + shrunk
        step = policy.value if growing else -policy.value
        if policy.type == "Pods":
            proposed.append(began + step)
        elif growing:
            proposed.append(math.ceil(began * (1 + step / 100)))
        else:
            proposed.append(int(began * (1 + step / 100)))
    # The greatest change is the largest number on the way up, the smallest on the way down.
    greatest = rules.select_policy != "Min"
    return max(proposed) if greatest == growing else min(proposed)


def _recent(wanted: Iterable[tuple[datetime, int]], now: datetime, seconds: int) -> list[int]:
    return [number for _, number in _after(wanted, now - timedelta(seconds=seconds))]


def _after(
    noted: Iterable[tuple[datetime, int]], cutoff: datetime
) -> Sequence[tuple[datetime, int]]:
    return [one for one in noted if one[0] > cutoff]


def _since(
    noted: Iterable[tuple[datetime, int]], cutoff: datetime
) -> Sequence[tuple[datetime, int]]:
    return [one for one in noted if one[0] >= cutoff]


_READY: Final = ("ReadyForNewScale", "recommended size matches current size")
_UP_STABILIZED: Final = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
_DOWN_STABILIZED: Final = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent "
    "recommendation",
)
_WITHIN: Final = ("DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_FEW: Final = (
    "TooFewReplicas",
    "the desired replica count is less than the minimum replica count",
)
_TOO_MANY: Final = (
    "TooManyReplicas",
    "the desired replica count is more than the maximum replica count",
)
_UP_LIMIT: Final = (
    "ScaleUpLimit",
    "the desired replica count is increasing faster than the maximum scale rate",
)
_DOWN_LIMIT: Final = (
    "ScaleDownLimit",
    "the desired replica count is decreasing faster than the maximum scale rate",
)
