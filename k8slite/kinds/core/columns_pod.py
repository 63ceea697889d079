"""How a pod is printed: how many containers are ready, and the one word for how it is doing.

Mirrors upstream's `printPod`; the word is the last one that applies of: phase, reason, scheduling
gates, the first init container that is not done, the first container that waits or ended,
deletion.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from attrs import define

from k8slite.kinds.cells import (
    AGE,
    NAME,
    TableWithConditions,
    age,
    ago,
    described,
    is_true,
    items,
    name,
    part,
)
from k8slite.kinds.kind import Column, Json

_TERMINAL: Final = ("Succeeded", "Failed")


@define
class _Summary:
    """What is gathered while looking through a pod's containers."""

    reason: str
    ready: int = 0
    total: int = 0
    restarts: int = 0
    restarted_at: str = ""  # RFC 3339 in UTC: the order of texts is that of times

    def count_restarts(self, container: Mapping[str, Any]) -> None:
        self.restarts += container.get("restartCount") or 0
        ended = part(container, "lastState", "terminated").get("finishedAt") or ""
        self.restarted_at = max(self.restarted_at, ended)


def cells(pod: Json, now: datetime) -> list[Any]:
    """One row, all columns of the wide output included."""
    summary = _summary(pod)
    restarts = str(summary.restarts)
    if summary.restarts and summary.restarted_at:
        restarts = f"{restarts} ({ago(summary.restarted_at, now)} ago)"
    status = part(pod, "status")
    addresses = items(status, "podIPs")
    return [
        name(pod),
        f"{summary.ready}/{summary.total}",
        summary.reason,
        restarts,
        age(pod, now),
        (addresses[0].get("ip") if addresses else "") or "<none>",
        part(pod, "spec").get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        _readiness_gates(pod),
    ]


def conditions(pod: Json) -> list[Json]:
    """That a pod has run its course, so that clients can hide it."""
    phase = part(pod, "status").get("phase")
    message = _COMPLETED.get(phase or "")
    if message is None:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": message}]


def _summary(pod: Json) -> _Summary:
    spec, status = part(pod, "spec"), part(pod, "status")
    summary = _Summary(status.get("reason") or status.get("phase") or "")
    for condition in items(status, "conditions"):
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            summary.reason = "SchedulingGated"
    sidecars = frozenset(
        one.get("name")
        for one in items(spec, "initContainers")
        if one.get("restartPolicy") == "Always"
    )
    summary.total = len(items(spec, "containers")) + len(sidecars)
    initializing, of_sidecars = _look_at_init_containers(summary, spec, status, sidecars)
    if not initializing or is_true(items(status, "conditions"), "Initialized"):
        # Once past initialization only what can still restart counts.
        summary.restarts, summary.restarted_at = of_sidecars.restarts, of_sidecars.restarted_at
        _look_at_containers(summary, status)
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            summary.reason = "Unknown"
        elif status.get("phase") not in _TERMINAL:
            summary.reason = "Terminating"
    return summary


def _look_at_init_containers(
    summary: _Summary,
    spec: Mapping[str, Any],
    status: Mapping[str, Any],
    sidecars: frozenset[Any],
) -> tuple[bool, _Summary]:
    """Whether one is not done yet, and what the restartable ones make of restarts."""
    of_sidecars = _Summary("")
    for index, container in enumerate(items(status, "initContainerStatuses")):
        summary.count_restarts(container)
        sidecar = container.get("name") in sidecars
        if sidecar:
            of_sidecars.count_restarts(container)
        state = part(container, "state")
        terminated = state.get("terminated")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if sidecar and container.get("started"):
            summary.ready += 1 if container.get("ready") else 0
            continue
        waiting = part(state, "waiting").get("reason")
        if terminated is not None:
            summary.reason = "Init:" + _ended(terminated)
        elif waiting and waiting != "PodInitializing":
            summary.reason = "Init:" + waiting
        else:
            summary.reason = f"Init:{index}/{len(items(spec, 'initContainers'))}"
        return True, of_sidecars
    return False, of_sidecars


def _look_at_containers(summary: _Summary, status: Mapping[str, Any]) -> None:
    running = False
    # From the last to the first, so that the first one's reason stands.
    for container in reversed(items(status, "containerStatuses")):
        summary.count_restarts(container)
        state = part(container, "state")
        terminated = state.get("terminated")
        waiting = part(state, "waiting").get("reason")
        if waiting:
            summary.reason = waiting
        elif terminated is not None:
            summary.reason = _ended(terminated)
        elif container.get("ready") and state.get("running") is not None:
            running = True
            summary.ready += 1
    if summary.reason == "Completed" and running:
        ready = any(
            one.get("type") == "Ready" and one.get("status") == "True"
            for one in items(status, "conditions")
        )
        summary.reason = "Running" if ready else "NotReady"


def _ended(terminated: Mapping[str, Any]) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode') or 0}"


def _readiness_gates(pod: Json) -> str:
    gates = items(part(pod, "spec"), "readinessGates")
    if not gates:
        return "<none>"
    found = items(part(pod, "status"), "conditions")
    passed = sum(is_true(found, gate.get("conditionType", "")) for gate in gates)
    return f"{passed}/{len(gates)}"


_COMPLETED: Final = {
    "Succeeded": "The pod has completed successfully.",
    "Failed": "The pod failed.",
}

POD_TABLE: Final = TableWithConditions(
    (
        NAME,
        Column(
            "Ready",
            description="The aggregate readiness state of this pod for accepting traffic.",
        ),
        Column("Status", description="The aggregate status of the containers in this pod."),
        Column(
            "Restarts",
            description="The number of times the containers in this pod have been restarted and "
            "when the last container in this pod has restarted.",
        ),
        AGE,
        described("IP", "core.v1.PodStatus", "podIP", priority=1),
        described("Node", "core.v1.PodSpec", "nodeName", priority=1),
        described("Nominated Node", "core.v1.PodStatus", "nominatedNodeName", priority=1),
        described("Readiness Gates", "core.v1.PodSpec", "readinessGates", priority=1),
    ),
    cells,
    conditions=conditions,
)
