"""No pod waits for ever: one that fits somewhere is bound, one that is bound is taken up.

Only what every default plugin would let pass counts as fitting; what a scenario makes harder than
that (affinity, spreading, gates, volumes) is not judged here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from k8slite.cluster import KUBELET, SCHEDULER
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.neighbours import keeps_away
from k8slite.sim.checks.nodes import clash, selected, tolerated
from k8slite.sim.checks.reading import (
    NODES,
    PODS,
    allocatable,
    condition,
    host_ports,
    named,
    node_of,
    requests,
    terminal,
    terminating,
)

Json = dict[str, Any]

_NOT_JUDGED: Final = ("schedulingGates", "affinity", "topologySpreadConstraints", "volumes")


class Scheduling:
    """Pods at rest."""

    name: ClassVar[str] = "scheduling"
    prefixes: ClassVar[tuple[str, ...]] = (PODS,)

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def commit(self, change: Change) -> Iterable[str]:
        return ()

    def rest(self) -> Iterable[str]:
        state, running = self._setting.state, self._setting.running
        bound: dict[str, list[Json]] = {}
        waiting: list[Json] = []
        for _, pod in state.all(PODS):
            if terminal(pod):
                continue
            if node_of(pod):
                bound.setdefault(node_of(pod), []).append(pod)
            elif not terminating(pod):
                waiting.append(pod)
        if KUBELET in running:
            for name, pods in bound.items():
                if state.get(NODES + name) is None:
                    continue
                for pod in pods:
                    if not (pod.get("status") or {}).get("startTime"):
                        yield f"{named(pod)} is on {name}, whose kubelet does not take it up"
        if SCHEDULER not in running:
            return
        if any(keeps_away(pod) for pods in bound.values() for pod in pods):
            return  # who keeps away from whom is not judged
        for pod in filter(is_judged, waiting):
            for key, node in state.all(NODES):
                name = key.removeprefix(NODES)
                expected = [one for one in waiting if _has_room_kept(one, pod, name)]
                if fits(pod, node, bound.get(name, []) + expected):
                    yield f"{named(pod)} fits {name}, and is not bound"
                    break


def is_judged(pod: Json) -> bool:
    """Whether it is plain to see where a pod that waits could go."""
    spec = pod["spec"]
    if spec.get("schedulerName", "default-scheduler") != "default-scheduler":
        return False
    return not any(spec.get(field) for field in _NOT_JUDGED if not _tokens_only(field, spec))


def _has_room_kept(one: Json, pod: Json, node: str) -> bool:
    """Whether a node's room is kept for one that is as important as a pod."""
    nominated = (one.get("status") or {}).get("nominatedNodeName") == node
    important = (one["spec"].get("priority") or 0) >= (pod["spec"].get("priority") or 0)
    return one is not pod and nominated and important


def _tokens_only(field: str, spec: Json) -> bool:
    """Whether its only volumes are those that need no storage."""
    plain = ("projected", "configMap", "secret", "emptyDir", "downwardAPI")
    return field == "volumes" and all(
        any(p in one for p in plain) for one in spec.get("volumes") or ()
    )


def fits(pod: Json, node: Json, others: list[Json]) -> bool:
    """Whether a node takes a pod beside others."""
    if condition(node, "Ready") != "True" or node["spec"].get("unschedulable"):
        return False
    if not selected(pod, node) or not tolerated(pod, node):
        return False
    room = allocatable(node)
    for resource, wanted in requests(pod).items():
        taken = sum(requests(one).get(resource, 0) for one in others)
        if wanted and taken + wanted > room.get(resource, 0):
            return False
    ports = [port for one in others for port in host_ports(one)]
    return not any(clash(port, other) for port in host_ports(pod) for other in ports)
