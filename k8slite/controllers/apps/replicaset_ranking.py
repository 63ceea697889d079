"""Which pods to give up first (upstream: `ActivePodsWithRanks` in `controller_utils.go`).

In this order: without a node before with one; Pending, Unknown, Running; not ready before ready;
lower deletion cost; on a node with more pods of the same owner; ready for a shorter time; more
restarts; younger. Times are compared by the logarithm of the age, so that pods of about the same
age are given up in no particular order (by UID).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cmp_to_key
from typing import Final

from attrs import frozen

from k8slite.kinds.core.models import ContainerStatus, Pod

DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"


def worst_first(pods: Sequence[Pod], related: Iterable[Pod], now: datetime) -> list[Pod]:
    """Sort pods, those to be deleted first.

    `related` are the active pods of all sets with the same owner, `pods` included.
    """
    neighbours: dict[str, int] = {}
    for pod in related:
        node = pod.spec.node_name
        if node:
            neighbours[node] = neighbours.get(node, 0) + 1
    ranked = [_rank(pod, neighbours.get(pod.spec.node_name, 0), now) for pod in pods]
    ranked.sort(key=cmp_to_key(_compare))
    return [one.pod for one in ranked]


@frozen
class _Rank:
    first: tuple[bool, int, bool, int, int]
    ready_since: datetime | None
    ready_age: int
    restarts: tuple[int, int]
    created: datetime | None
    age: int
    pod: Pod


def _rank(pod: Pod, neighbours: int, now: datetime) -> _Rank:
    condition = pod.condition("Ready")
    ready = condition is not None and condition.status == "True"
    since = condition.last_transition_time if ready and condition is not None else None
    created = pod.metadata.creation_timestamp
    return _Rank(
        (
            bool(pod.spec.node_name),
            _PHASES.get(pod.status.phase, 0),
            ready,
            _deletion_cost(pod),
            -neighbours,
        ),
        since,
        _logarithm(since, now),
        _restarts(pod),
        created,
        _logarithm(created, now),
        pod,
    )


def _compare(one: _Rank, other: _Rank) -> int:
    if one.first != other.first:
        return -1 if one.first < other.first else 1
    if one.first[2] and one.ready_since != other.ready_since:
        return _younger(one, other, one.ready_age, other.ready_age)
    if one.restarts != other.restarts:
        return -1 if one.restarts > other.restarts else 1
    if one.created != other.created:
        return _younger(one, other, one.age, other.age)
    return 0


def _younger(one: _Rank, other: _Rank, age: int, other_age: int) -> int:
    if age != other_age:
        return -1 if age < other_age else 1
    return -1 if one.pod.metadata.uid < other.pod.metadata.uid else 1


def _logarithm(moment: datetime | None, now: datetime) -> int:
    """The order of magnitude of an age in nanoseconds; an unknown time counts as youngest."""
    if moment is None:
        return -2
    nanoseconds = (now - moment).total_seconds() * 1e9
    return int(math.log2(nanoseconds)) if nanoseconds > 0 else -1


def _deletion_cost(pod: Pod) -> int:
    """Zero where it is absent; validation keeps others than integers out."""
    text = pod.metadata.annotations.get(DELETION_COST, "0")
    try:
        return int(text)
    except ValueError:
        return 0


def _restarts(pod: Pod) -> tuple[int, int]:
    sidecars = {one.name for one in pod.spec.init_containers if one.restart_policy == "Always"}
    return (
        _most(pod.status.container_statuses),
        _most([one for one in pod.status.init_container_statuses if one.name in sidecars]),
    )


def _most(statuses: Sequence[ContainerStatus]) -> int:
    return max((status.restart_count for status in statuses), default=0)


_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
