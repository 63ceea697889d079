"""What StatefulSets and DaemonSets owe at rest: every member there, of the right revision, counted.

Where pods are not ready of their own doing, an ordered set or a rollout may rightly stand still.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final

from k8slite.sim.checks.check import Change, Setting, State
from k8slite.sim.checks.nodes import selected, tolerated
from k8slite.sim.checks.owed import by_controller, living, observed
from k8slite.sim.checks.reading import (
    DAEMON_SETS,
    NODES,
    PODS,
    STATEFUL_SETS,
    active,
    named,
    ready,
    target_of,
    uid,
)

Json = dict[str, Any]

_REVISIONS: Final = "apps.controllerrevisions/"
_HASH: Final = "controller-revision-hash"
# What a daemon's pods tolerate whatever their template says.
_BORNE: Final = tuple(
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists"}
    for key in ("not-ready", "unreachable", "unschedulable", "disk-pressure", "memory-pressure")
)


class Members:
    """Who is missing, who is too much, and whose status is wrong."""

    name: ClassVar[str] = "members"
    prefixes: ClassVar[tuple[str, ...]] = (STATEFUL_SETS, DAEMON_SETS)

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def commit(self, change: Change) -> Iterable[str]:
        return ()

    def rest(self) -> Iterable[str]:
        state, running = self._setting.state, self._setting.running
        pods = by_controller(state, PODS)
        if "statefulset-controller" in running:
            for one in living(state, STATEFUL_SETS):
                yield from _stateful(state, one, pods.get(uid(one), []))
        if "daemonset-controller" in running:
            for one in living(state, DAEMON_SETS):
                yield from _daemon(state, one, pods.get(uid(one), []))


def _stateful(state: State, one: Json, pods: list[Json]) -> Iterator[str]:
    name, spec, status = f"StatefulSet {named(one)}", one["spec"], one.get("status") or {}
    yield from observed("StatefulSet", one)
    yield from _counts(
        name,
        status,
        {"replicas": len(pods), "readyReplicas": sum(map(ready, pods))},
    )
    well = all(ready(pod) for pod in pods)
    if well or spec.get("podManagementPolicy") == "Parallel":
        start = (spec.get("ordinals") or {}).get("start", 0)
        base = one["metadata"]["name"]
        wanted = sorted(f"{base}-{start + n}" for n in range(spec.get("replicas", 1)))
        there = sorted(pod["metadata"]["name"] for pod in pods)
        if wanted != there:
            yield f"{name} wants the pods {wanted} and has {there}"
    strategy = spec.get("updateStrategy") or {}
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    yield from _newest(state, one, name, str(status.get("updateRevision", "")))
    if well and strategy.get("type") == "RollingUpdate" and not partition:
        for pod in pods:
            if _hash(pod) != status.get("updateRevision"):
                yield f"{named(pod)} is of revision {_hash(pod)}, not {status['updateRevision']}"
        if status.get("currentRevision") != status.get("updateRevision"):
            yield f"{name} has rolled out, and its current revision is another one"


def _daemon(state: State, one: Json, pods: list[Json]) -> Iterator[str]:
    name, spec = f"DaemonSet {named(one)}", one["spec"]
    yield from observed("DaemonSet", one)
    template = spec["template"]
    if template["spec"].get("affinity"):
        return
    bearing = {
        "spec": {
            **template["spec"],
            "tolerations": [*(template["spec"].get("tolerations") or ()), *_BORNE],
        }
    }
    wanted = sorted(
        node["metadata"]["name"]
        for _, node in state.all(NODES)
        if selected(bearing, node) and tolerated(bearing, node)
    )
    alive = [pod for pod in pods if active(pod)]
    there = sorted(map(target_of, alive))
    if any(node not in there for node in wanted) or len(set(there)) < len(there):
        yield f"{name} wants pods on {wanted} and has them on {there}"
    of_wanted = [pod for pod in alive if target_of(pod) in wanted]
    counts = {
        "desiredNumberScheduled": len(wanted),
        "numberReady": sum(map(ready, of_wanted)),
    }
    yield from _counts(name, one.get("status") or {}, counts)
    rolls = (spec.get("updateStrategy") or {}).get("type") == "RollingUpdate"
    if rolls and all(map(ready, of_wanted)):
        hashes = sorted({_hash(pod) for pod in of_wanted})
        if len(hashes) > 1:
            yield f"{name} has pods of several revisions: {hashes}"
        for hashed in hashes:
            yield from _newest(state, one, name, f"{one['metadata']['name']}-{hashed}")


def _newest(state: State, one: Json, name: str, revision: str) -> Iterator[str]:
    """The revision of that name is there, holds the template, and has the highest number."""
    found = state.get(f"{_REVISIONS}{one['metadata']['namespace']}/{revision}")
    if found is None:
        yield f"{name} is at revision {revision}, which is not there"
        return
    kept = {k: v for k, v in found["data"]["spec"]["template"].items() if k != "$patch"}
    if kept != one["spec"]["template"]:
        yield f"{name} is at revision {revision}, which holds another template"
    for other in by_controller(state, _REVISIONS).get(uid(one), []):
        if other["revision"] > found["revision"]:
            yield f"{name} is at revision {revision}, and {named(other)} is newer"


def _counts(name: str, status: Json, counts: Mapping[str, int]) -> Iterator[str]:
    for field, count in counts.items():
        if status.get(field, 0) != count:
            yield f"{field} of {name} is {status.get(field, 0)}, and it has {count}"


def _hash(pod: Json) -> str:
    return str((pod["metadata"].get("labels") or {}).get(_HASH, ""))
