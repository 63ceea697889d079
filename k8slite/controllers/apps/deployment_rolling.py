"""The arithmetic of a rollout: how large each ReplicaSet may and should be. Pure.

Mirrors `deployment_util.go` and `rolling.go`: at every moment the pods asked for are at most
replicas + maxSurge, and the available ones at least replicas - maxUnavailable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from attrs import evolve, frozen

from k8slite.kinds.apps.models import Deployment, ReplicaSet, RollingUpdate

DESIRED_REPLICAS: Final = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS: Final = "deployment.kubernetes.io/max-replicas"
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class Resize:
    """A ReplicaSet and the size that it should have."""

    replica_set: ReplicaSet
    replicas: int


def rolls(deployment: Deployment) -> bool:
    """Whether old pods are replaced little by little."""
    return deployment.spec.strategy.type == "RollingUpdate"


def fenceposts(deployment: Deployment) -> tuple[int, int]:
    """maxSurge (rounded up) and maxUnavailable (rounded down); if both come to zero nothing could
    move, so one may be unavailable (upstream: `ResolveFenceposts`)."""
    rolling = deployment.spec.strategy.rolling_update or RollingUpdate()
    replicas = deployment.spec.replicas
    surge = _scaled(rolling.max_surge, replicas, math.ceil)
    unavailable = _scaled(rolling.max_unavailable, replicas, math.floor)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def max_surge(deployment: Deployment) -> int:
    """How many pods there may be above `replicas`."""
    return fenceposts(deployment)[0] if rolls(deployment) else 0


def max_unavailable(deployment: Deployment) -> int:
    """How many of `replicas` may be unavailable during a rollout."""
    if not rolls(deployment) or deployment.spec.replicas == 0:
        return 0
    return min(fenceposts(deployment)[1], deployment.spec.replicas)


def active(sets: Iterable[ReplicaSet]) -> list[ReplicaSet]:
    """Those that ask for pods."""
    return [one for one in sets if one.spec.replicas > 0]


def asked(sets: Iterable[ReplicaSet]) -> int:
    """How many pods sets ask for."""
    return sum(one.spec.replicas for one in sets)


def created(replica_set: ReplicaSet) -> tuple[datetime, str]:
    """What sorts sets by age, oldest first."""
    metadata = replica_set.metadata
    return metadata.creation_timestamp or _LONG_AGO, metadata.name


def new_set_replicas(
    deployment: Deployment, sets: Iterable[ReplicaSet], new: ReplicaSet | None
) -> int:
    """The size that the new set may have now; `sets` includes it (upstream:
    `NewRSNewReplicas`)."""
    replicas = deployment.spec.replicas
    if not rolls(deployment):
        return replicas
    current = new.spec.replicas if new is not None else 0
    room = replicas + max_surge(deployment) - asked(sets)
    if room <= 0:
        return current
    return current + min(room, replicas - current)


def old_sets_to_shrink(
    deployment: Deployment, old: Sequence[ReplicaSet], new: ReplicaSet | None
) -> list[Resize]:
    """How to shrink old sets: first pods that are not available, which cost nothing, then as many
    available ones as may go (upstream: `reconcileOldReplicaSets`)."""
    old = sorted(old, key=created)
    sets = [*old, *([new] if new is not None else [])]
    minimum = deployment.spec.replicas - max_unavailable(deployment)
    new_unavailable = 0
    if new is not None:
        new_unavailable = new.spec.replicas - _lasting(new)
    most = asked(sets) - minimum - new_unavailable
    if not asked(old) or most <= 0:
        return []
    sizes = {one.metadata.uid: one.spec.replicas for one in old}
    cleaned = 0
    for one in old:
        unhealthy = one.spec.replicas - one.status.available_replicas
        count = min(most - cleaned, unhealthy)
        if one.spec.replicas and count > 0:
            sizes[one.metadata.uid] -= count
            cleaned += count
    surplus = sum(_lasting(one) for one in sets) - minimum
    for one in old:
        count = min(sizes[one.metadata.uid], surplus)
        if count > 0:
            sizes[one.metadata.uid] -= count
            surplus -= count
    return [
        Resize(one, sizes[one.metadata.uid])
        for one in old
        if sizes[one.metadata.uid] != one.spec.replicas
    ]


def _lasting(replica_set: ReplicaSet) -> int:
    """How many available pods a set will keep.

    A set that was shrunk may not have let them go yet. Upstream fails the whole step for a moment
    where such a set is found ("got invalid request to scale down"), and tries again later.
    """
    return min(replica_set.status.available_replicas, replica_set.spec.replicas)


def resizes(
    deployment: Deployment, old: Sequence[ReplicaSet], new: ReplicaSet | None
) -> list[Resize]:
    """How to spread a changed number of replicas over the sets (upstream: `scale`)."""
    replicas = deployment.spec.replicas
    only = _active_or_latest(old, new)
    if only is not None:
        return [Resize(only, replicas)] if only.spec.replicas != replicas else []
    if saturated(deployment, new):
        return [Resize(one, 0) for one in active(sorted(old, key=created))]
    if not rolls(deployment):
        return []
    sets = active([*old, *([new] if new is not None else [])])
    allowed = replicas + max_surge(deployment) if replicas > 0 else 0
    to_add = allowed - asked(sets)
    # The largest first; of the same size the newest when growing, the oldest when shrinking.
    sets.sort(key=created, reverse=to_add > 0)
    sets.sort(key=lambda one: one.spec.replicas, reverse=True)
    found, added = [], 0
    for one in sets:
        share = _share(one, deployment, to_add, added)
        added += share
        found.append(Resize(one, one.spec.replicas + share))
    if found and to_add:
        found[0] = evolve(found[0], replicas=max(0, found[0].replicas + to_add - added))
    return found


def saturated(deployment: Deployment, new: ReplicaSet | None) -> bool:
    """Whether the new set has all pods, asked for and available (upstream: `IsSaturated`)."""
    if new is None:
        return False
    replicas = deployment.spec.replicas
    return (
        new.spec.replicas == replicas
        and annotated(new, DESIRED_REPLICAS) == replicas
        and new.status.available_replicas == replicas
    )


def annotated(replica_set: ReplicaSet, key: str) -> int | None:
    """The number in an annotation, or None."""
    try:
        return int(replica_set.metadata.annotations[key])
    except (KeyError, ValueError):
        return None


def replicas_annotations(deployment: Deployment) -> Mapping[str, str]:
    """What every set notes of the deployment's size, from which later shares are computed."""
    replicas = deployment.spec.replicas
    return {
        DESIRED_REPLICAS: str(replicas),
        MAX_REPLICAS: str(replicas + max_surge(deployment)),
    }


def _active_or_latest(old: Sequence[ReplicaSet], new: ReplicaSet | None) -> ReplicaSet | None:
    sets = [*sorted(old, key=created, reverse=True), *([new] if new is not None else [])]
    running = active(sets)
    if len(running) == 1:
        return running[0]
    if running or not sets:
        return None
    return new if new is not None else sets[0]


def _share(replica_set: ReplicaSet, deployment: Deployment, to_add: int, added: int) -> int:
    """A set's part of what is to be added or taken away (upstream: `GetReplicaSetProportion`)."""
    if not replica_set.spec.replicas or not to_add or to_add == added:
        return 0
    fraction = _fraction(replica_set, deployment)
    left = to_add - added
    return min(fraction, left) if to_add > 0 else max(fraction, left)


def _fraction(replica_set: ReplicaSet, deployment: Deployment) -> int:
    size = replica_set.spec.replicas
    if deployment.spec.replicas == 0:
        return -size
    most = deployment.spec.replicas + max_surge(deployment)
    before = annotated(replica_set, MAX_REPLICAS) or deployment.status.replicas
    if not before:
        return 0
    scaled = size * most / before
    return math.floor(scaled + 0.5) - size  # Go rounds halves away from zero


def _scaled(value: int | str, total: int, rounded: Callable[[float], int]) -> int:
    """An absolute number or a percentage. Raises ValueError."""
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        raise ValueError(f"invalid value for IntOrString: {value!r} is not a percentage")
    return rounded(int(value[:-1]) * total / 100)
