"""What ReplicaSets, Deployments and StatefulSets owe at rest: as many pods as are wanted.

Mirrors the promises of `pkg/controller/replicaset` and `pkg/controller/deployment`. Where pods are
not ready of their own doing, a rollout may rightly stand still; where they all are, it is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import (
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    REPLICA_SETS,
    active,
    controller_of,
    named,
    ready,
    terminating,
    uid,
)

Json = dict[str, Any]

_REPLICA_SETS: Final = "replicaset-controller"
_DEPLOYMENTS: Final = "deployment-controller"


class Rollouts:
    """Numbers of pods at rest, and the statuses that tell them."""

    name: ClassVar[str] = "rollouts"
    prefixes: ClassVar[tuple[str, ...]] = (REPLICA_SETS, DEPLOYMENTS)

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def commit(self, change: Change) -> Iterable[str]:
        return ()

    def rest(self) -> Iterable[str]:
        pods = self._controlled(PODS)
        sets = self._controlled(REPLICA_SETS)
        if _REPLICA_SETS in self._setting.running:
            for one in self._living(REPLICA_SETS):
                yield from _replica_set(one, pods.get(uid(one), []))
        if _DEPLOYMENTS in self._setting.running:
            for one in self._living(DEPLOYMENTS):
                yield from _deployment(one, sets.get(uid(one), []), pods)

    def _controlled(self, prefix: str) -> dict[str, list[Json]]:
        """Objects by the uid of their controller."""
        found: dict[str, list[Json]] = {}
        for _, obj in self._setting.state.all(prefix):
            owner = controller_of(obj)
            if owner is not None:
                found.setdefault(owner["uid"], []).append(obj)
        return found

    def _living(self, prefix: str) -> Iterator[Json]:
        for _, obj in self._setting.state.all(prefix):
            home = self._setting.state.get(NAMESPACES + obj["metadata"]["namespace"])
            if not terminating(obj) and home is not None and not terminating(home):
                yield obj


def _replica_set(one: Json, pods: list[Json]) -> Iterator[str]:
    name, wanted = named(one), one["spec"].get("replicas", 1)
    alive = [pod for pod in pods if active(pod)]
    if len(alive) != wanted:
        yield f"ReplicaSet {name} wants {wanted} pods and has {len(alive)}"
    yield from _observed("ReplicaSet", one)
    status = one.get("status") or {}
    for field, count in (
        ("replicas", len(alive)),
        ("readyReplicas", sum(ready(pod) for pod in alive)),
    ):
        if status.get(field, 0) != count:
            yield f"{field} of ReplicaSet {name} is {status.get(field, 0)}, and it has {count}"


def _deployment(one: Json, sets: list[Json], pods: dict[str, list[Json]]) -> Iterator[str]:
    name, wanted = named(one), one["spec"].get("replicas", 1)
    yield from _observed("Deployment", one)
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


def _observed(kind: str, one: Json) -> Iterator[str]:
    generation = one["metadata"].get("generation", 0)
    observed = (one.get("status") or {}).get("observedGeneration", 0)
    if observed != generation:
        yield f"{kind} {named(one)} is at generation {generation}, its status at {observed}"
