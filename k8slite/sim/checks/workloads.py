"""How many pods a workload may have: never more than was ever asked for.

Mirrors what ReplicaSets, ReplicationControllers, StatefulSets, Deployments, Jobs and DaemonSets
promise of the pods that they control. A controller may not have heard of the newest spec yet, so
a limit is the highest that any version of the object has set; it must know what it did itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.objects.intstr import scaled
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import (
    DAEMON_SETS,
    DEPLOYMENTS,
    JOBS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
    active,
    controller_of,
    named,
    owners,
    target_of,
    uid,
)

Json = dict[str, Any]

_LIMITED: Final = {
    REPLICA_SETS: "replicas",
    STATEFUL_SETS: "replicas",
    REPLICATION_CONTROLLERS: "replicas",
    JOBS: "parallelism",
}
_INDEX: Final = "batch.kubernetes.io/job-completion-index"


class Workloads:
    """Limits on live pods, and whose they are."""

    name: ClassVar[str] = "workloads"
    prefixes: ClassVar[tuple[str, ...]] = (
        PODS,
        DEPLOYMENTS,
        DAEMON_SETS,
        "batch.cronjobs/",
        *_LIMITED,
    )

    def __init__(self, setting: Setting) -> None:
        self._most: dict[str, int] = {}  # by uid of a workload: the highest limit that it had
        self._pods: dict[str, dict[str, Json]] = {}  # by the controller's uid, then key
        self._unmeant: set[tuple[str, str]] = set()  # of these: made by a request's repetition
        self._sets: dict[str, dict[str, Json]] = {}  # ReplicaSets by Deployment's uid
        self._scheduled: dict[tuple[str, str], str] = {}  # Jobs by CronJob's uid and time

    def commit(self, change: Change) -> Iterable[str]:
        old, new = change.old, change.new
        if new is not None:
            controllers = [one for one in owners(new) if one.get("controller")]
            if len(controllers) > 1:
                yield f"{change.key} has {len(controllers)} controllers"
        if change.resource == PODS:
            yield from self._pod(change, old, new)
            return
        if new is None:
            if change.resource == REPLICA_SETS:
                self._forget(self._sets, change)
            return
        if change.resource in _LIMITED:
            limit = new["spec"].get(_LIMITED[change.resource], 1)
            self._most[uid(new)] = max(self._most.get(uid(new), 0), limit)
        if change.resource == DEPLOYMENTS:
            limit = _with_surge(new)
            self._most[uid(new)] = max(self._most.get(uid(new), 0), limit)
        elif change.resource == REPLICA_SETS:
            yield from self._replica_set(change, old, new)
        elif change.resource == JOBS:
            yield from self._job(change, old, new)

    def rest(self) -> Iterable[str]:
        return ()

    def _pod(self, change: Change, old: Json | None, new: Json | None) -> Iterator[str]:
        before, now = controller_of(old), controller_of(new)
        if before is not None and (now is None or now["uid"] != before["uid"]):
            self._pods.get(before["uid"], {}).pop(change.key, None)
        if now is None or new is None:
            return
        siblings = self._pods.setdefault(now["uid"], {})
        if old is None and active(new):
            alive = [
                pod
                for key, pod in siblings.items()
                if active(pod) and (now["uid"], key) not in self._unmeant
            ]
            most = self._most.get(now["uid"])
            owner = f"{now['kind']} {new['metadata'].get('namespace', '')}/{now['name']}"
            if change.repeated:
                self._unmeant.add((now["uid"], change.key))
            elif most is not None and len(alive) >= most:
                names = ", ".join(pod["metadata"]["name"] for pod in alive)
                yield (
                    f"{owner} never wanted more than {most} pods, and makes "
                    f"{new['metadata']['name']} beside {names}"
                )
            if now["kind"] == "DaemonSet":
                yield from _second(owner, new, alive, "node", target_of)
            elif now["kind"] == "Job":
                yield from _second(owner, new, alive, "index", _index)
        siblings[change.key] = new

    def _replica_set(self, change: Change, old: Json | None, new: Json) -> Iterator[str]:
        owner = controller_of(new)
        if owner is None:
            return
        sets = self._sets.setdefault(owner["uid"], {})
        sets[change.key] = new
        grown = new["spec"].get("replicas", 1) > (old["spec"].get("replicas", 1) if old else 0)
        most = self._most.get(owner["uid"])
        if not grown or most is None or change.user != "system:controller:deployment-controller":
            return
        together = sum(one["spec"].get("replicas", 1) for one in sets.values())
        if together > most:
            yield (
                f"Deployment {owner['name']} never wanted more than {most} pods with its surge, "
                f"and its ReplicaSets want {together}"
            )

    def _job(self, change: Change, old: Json | None, new: Json) -> Iterator[str]:
        status = new.get("status") or {}
        for field in ("succeeded", "failed"):
            before = ((old or {}).get("status") or {}).get(field, 0)
            if status.get(field, 0) < before:
                yield f"{field} of {change.key} went from {before} to {status.get(field, 0)}"
        owner = controller_of(new)
        time = (new["metadata"].get("annotations") or {}).get(
            "batch.kubernetes.io/cronjob-scheduled-timestamp"
        )
        if owner is not None and time and old is None:
            first = self._scheduled.setdefault((owner["uid"], time), change.key)
            if first != change.key:
                yield f"CronJob {owner['name']} has two Jobs for {time}: {first}, {change.key}"

    def _forget(self, known: dict[str, dict[str, Json]], change: Change) -> None:
        owner = controller_of(change.old)
        if owner is not None:
            known.get(owner["uid"], {}).pop(change.key, None)


def _with_surge(deployment: Json) -> int:
    """How many pods a rollout may have at once (upstream: `deploymentutil.MaxSurge`)."""
    spec = deployment["spec"]
    replicas: int = spec.get("replicas", 1)
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return replicas
    surge = (strategy.get("rollingUpdate") or {}).get("maxSurge", "25%")
    return replicas + scaled(surge, replicas, round_up=True)


def _second(owner: str, new: Json, alive: list[Json], what: str, of: Any) -> Iterator[str]:
    """A second live pod for what there must be one for."""
    wanted = of(new)
    for pod in alive:
        # With a surge, the next revision's pod runs beside the last one's.
        if wanted and of(pod) == wanted and _revision(pod) == _revision(new):
            yield f"{owner} makes a second pod for {what} {wanted}, beside {named(pod)}"


def _revision(pod: Json) -> str:
    return str((pod["metadata"].get("labels") or {}).get("controller-revision-hash", ""))


def _index(pod: Json) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(_INDEX, ""))
