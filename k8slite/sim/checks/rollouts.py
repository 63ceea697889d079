"""What ReplicaSets, ReplicationControllers and Deployments owe: as many pods as are wanted.

During a rollout enough stay available, unless pods failed by themselves; at rest all are there.

Mirrors the promises of `pkg/controller/replicaset` and `pkg/controller/deployment`. Where pods are
not ready of their own doing, a rollout may rightly stand still; where they all are, it is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.objects.intstr import scaled
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.owed import by_controller, living, observed
from k8slite.sim.checks.reading import (
    DEPLOYMENTS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    active,
    controller_of,
    named,
    ready,
    terminating,
    uid,
)

Json = dict[str, Any]

_REPLICA_SETS: Final = "replicaset-controller"
_CONTROLLERS: Final = "replication-controller"
_DEPLOYMENTS: Final = "deployment-controller"
_DEPLOYMENT_USER: Final = "system:controller:deployment-controller"
_REPLICA_SET_USER: Final = "system:controller:replicaset-controller"


class Rollouts:
    """Numbers of pods during a rollout and at rest, and the statuses that tell them."""

    name: ClassVar[str] = "rollouts"
    prefixes: ClassVar[tuple[str, ...]] = (
        PODS,
        REPLICA_SETS,
        REPLICATION_CONTROLLERS,
        DEPLOYMENTS,
    )

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._least: dict[str, int] = {}  # by uid of a Deployment: the lowest bound that it had
        self._failed: set[str] = set()  # uids of ReplicaSets whose pods were lost otherwise

    def commit(self, change: Change) -> Iterable[str]:
        old, new = change.old, change.new
        if change.resource == PODS:
            self._pod(change)
        elif change.resource == DEPLOYMENTS and new is not None:
            least = _least_available(new)
            self._least[uid(new)] = min(self._least.get(uid(new), least), least)
        elif (
            change.resource == REPLICA_SETS
            and old is not None
            and new is not None
            and change.user == _DEPLOYMENT_USER
            and _size(new) < _size(old)
        ):
            yield from self._smaller(old, new)

    def _pod(self, change: Change) -> None:
        """Note pods that were ready and are no longer, without their controller's doing."""
        old, new = change.old, change.new
        owner = controller_of(old)
        if old is None or owner is None or not ready(old) or terminating(old):
            return
        lost = new is None or terminating(new) or not ready(new)
        if lost and change.user != _REPLICA_SET_USER:
            self._failed.add(owner["uid"])

    def _smaller(self, old: Json, new: Json) -> Iterator[str]:
        """The Deployment's controller takes pods away: enough must stay available."""
        owner = controller_of(new)
        least = self._least.get(owner["uid"]) if owner is not None else None
        if owner is None or least is None:
            return
        state = self._setting.state
        sets = [
            one
            for _, one in state.all(REPLICA_SETS)
            if (controller_of(one) or {}).get("uid") == owner["uid"]
        ]
        if any(uid(one) in self._failed for one in sets):
            return
        up: dict[str, int] = {}
        for _, pod in state.all(PODS):
            holder = controller_of(pod)
            if holder is not None and active(pod) and ready(pod):
                up[holder["uid"]] = up.get(holder["uid"], 0) + 1
        stay = sum(min(_size(one), up.get(uid(one), 0)) for one in sets)
        before = min(_size(old), up.get(uid(old), 0)) - min(_size(new), up.get(uid(new), 0)) + stay
        if stay < least and stay < before:
            yield (
                f"Deployment {owner['name']} must keep {least} pods available; scaling "
                f"{named(new)} from {_size(old)} to {_size(new)} leaves {stay} of {before}"
            )

    def rest(self) -> Iterable[str]:
        pods = by_controller(self._setting.state, PODS)
        sets = by_controller(self._setting.state, REPLICA_SETS)
        for controller, prefix, kind in _REPLICATED:
            if controller in self._setting.running:
                for one in living(self._setting.state, prefix):
                    yield from _replicated(kind, one, pods.get(uid(one), []))
        if _DEPLOYMENTS in self._setting.running:
            for one in living(self._setting.state, DEPLOYMENTS):
                yield from _deployment(one, sets.get(uid(one), []), pods)


def _size(replica_set: Json) -> int:
    found: int = replica_set["spec"].get("replicas", 1)
    return found


def _least_available(deployment: Json) -> int:
    """How many pods a rollout leaves available (upstream: `deploymentutil.MaxUnavailable`)."""
    spec = deployment["spec"]
    replicas: int = spec.get("replicas", 1)
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate" or terminating(deployment):
        return 0
    rolling = strategy.get("rollingUpdate") or {}
    surge = scaled(rolling.get("maxSurge", "25%"), replicas, round_up=True)
    unavailable = scaled(rolling.get("maxUnavailable", "25%"), replicas, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1  # or nothing could ever be replaced
    return replicas - min(unavailable, replicas)


def _replicated(kind: str, one: Json, pods: list[Json]) -> Iterator[str]:
    name, wanted = f"{kind} {named(one)}", one["spec"].get("replicas", 1)
    alive = [pod for pod in pods if active(pod)]
    if len(alive) != wanted:
        yield f"{name} wants {wanted} pods and has {len(alive)}"
    yield from observed(kind, one)
    status = one.get("status") or {}
    for field, count in (
        ("replicas", len(alive)),
        ("readyReplicas", sum(ready(pod) for pod in alive)),
    ):
        if status.get(field, 0) != count:
            yield f"{field} of {name} is {status.get(field, 0)}, and it has {count}"


def _deployment(one: Json, sets: list[Json], pods: dict[str, list[Json]]) -> Iterator[str]:
    name, wanted = named(one), one["spec"].get("replicas", 1)
    yield from observed("Deployment", one)
    if one["spec"].get("paused"):
        return
    alive = [pod for each in sets for pod in pods.get(uid(each), []) if active(pod)]
    status = one.get("status") or {}
    if status.get("replicas", 0) != len(alive):
        yield f"replicas of Deployment {name} is {status.get('replicas', 0)}, not {len(alive)}"
    if not all(ready(pod) for pod in alive):
        return
    if len(alive) != wanted:
        yield f"Deployment {name} wants {wanted} pods and has {len(alive)}, all ready"
    for field in ("updatedReplicas", "availableReplicas"):
        if status.get(field, 0) != wanted:
            yield f"{field} of Deployment {name} is {status.get(field, 0)}, and it wants {wanted}"


_REPLICATED: Final = (
    (_REPLICA_SETS, REPLICA_SETS, "ReplicaSet"),
    (_CONTROLLERS, REPLICATION_CONTROLLERS, "ReplicationController"),
)
