"""What the API is told about a pod, given what its kubelet knows of the containers (pure).

Upstream: `kubelet_pods.go` (generateAPIPodStatus, getPhase) and `status/generate.go`. A status is a
plain dict in the API's own words. Conditions that others own are not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.kinds.core.models import Quantities
from k8slite.kubelet.container import ContainerRecord, Role, Stage
from k8slite.kubelet.pod import Pod

Json = dict[str, Any]

LOST_CODE: Final = 137  # upstream: "this code indicates an error"
LOST: Final[Mapping[str, Any]] = {
    "exitCode": LOST_CODE,
    "reason": "ContainerStatusUnknown",
    "message": "The container could not be located when the pod was terminated",
}


@frozen
class PodView:
    """Everything that a status is made of."""

    pod: Pod
    records: Sequence[ContainerRecord]
    phase: str
    initialized: bool  # a regular container has been started at some time
    sandbox: bool  # its network is there
    addresses: tuple[str, ...]
    host_address: str
    start_time: str
    now: str  # a timestamp
    ending: bool = False  # nothing is started any more
    reason: str = ""
    message: str = ""
    tells_generation: bool = True  # since 1.34


def pod_status(view: PodView, before: Mapping[str, Any]) -> Json:
    """The status; `before` is the one before it, whose transition times are kept."""
    init, regular, others = (
        [container_status(r, view) for r in view.records if r.role in roles]
        for roles in ((Role.INIT, Role.SIDECAR), (Role.REGULAR,), (Role.EPHEMERAL,))
    )
    status: Json = {
        "phase": view.phase,
        "conditions": _conditions(view, before),
        "hostIP": view.host_address,
        "hostIPs": [{"ip": view.host_address}],
        "startTime": view.start_time,
    }
    if view.tells_generation and view.pod.metadata.generation:
        status["observedGeneration"] = view.pod.metadata.generation
    if view.reason:
        status["reason"] = view.reason
    if view.message:
        status["message"] = view.message
    if view.addresses:
        status["podIP"] = view.addresses[0]
        status["podIPs"] = [{"ip": address} for address in view.addresses]
    if init:
        status["initContainerStatuses"] = init
    status["containerStatuses"] = regular
    if others:
        status["ephemeralContainerStatuses"] = others
    return status


def phase_of(
    records: Iterable[ContainerRecord], restart_policy: str, *, ended: bool, initialized: bool
) -> str:
    """The phase (upstream: getPhase); `ended` says that no container will start again."""
    pending = waiting = running = stopped = restarting = succeeded = 0
    for record in records:
        if record.role is Role.EPHEMERAL:
            continue
        will_restart = record.terminated is not None and record.restartable(restart_policy)
        if record.role is Role.INIT:
            if record.terminated is None or record.stage is Stage.RUNNING:
                pending += not initialized
            elif record.exit_code != 0 and not will_restart:
                return "Failed"
            elif record.exit_code != 0 and not initialized:
                pending += 1
        elif record.role is Role.SIDECAR:
            if record.stage is Stage.RUNNING:
                running += 1
                pending += not record.started and not initialized
            elif record.terminated is None:
                pending += not initialized
                waiting += 1
        elif record.stage is Stage.RUNNING:
            running += 1
        elif record.terminated is not None:
            stopped += 1
            restarting += will_restart
            succeeded += record.exit_code == 0
        else:
            waiting += 1
    if pending or waiting:
        return "Pending"
    if running:
        return "Running"
    if not stopped:
        return "Pending"
    if restarting and not ended:
        return "Running"
    return "Succeeded" if stopped == succeeded else "Failed"


def container_status(record: ContainerRecord, view: PodView) -> Json:
    """A ContainerStatus."""
    container = record.container
    state, last_state = _states(record, view)
    running = record.stage is Stage.RUNNING
    status: Json = {
        "name": container.name,
        "state": state,
        "lastState": last_state,
        "ready": record.ready,
        "restartCount": record.restart_count,
        "image": container.image,
        "imageID": record.image_id,
        "started": running and record.started,
        "resources": _resources(container.resources.limits, container.resources.requests),
    }
    if record.id:
        status["containerID"] = record.id
    if container.resources.requests:
        status["allocatedResources"] = dict(container.resources.requests)
    if container.volume_mounts:
        status["volumeMounts"] = [
            {
                "name": mount.name,
                "mountPath": mount.mount_path,
                **({"readOnly": True, "recursiveReadOnly": "Disabled"} if mount.read_only else {}),
            }
            for mount in container.volume_mounts
        ]
    return status


def _states(record: ContainerRecord, view: PodView) -> tuple[Json, Json]:
    """The state and the last state."""
    ended = record.terminated
    if record.stage is Stage.RUNNING:
        return {"running": {"startedAt": record.started_at}}, _last(ended)
    if ended is not None and (record.waiting is None or view.ending):
        return {"terminated": ended}, _last(record.terminated_before)
    if view.ending and view.initialized and view.phase in ("Succeeded", "Failed"):
        # Upstream takes what was never seen to end for a failure (TerminatePod).
        return {"terminated": LOST}, _last(ended)
    assert record.waiting is not None
    reason, message = record.waiting
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}, _last(
        ended
    )


def _last(terminated: Json | None) -> Json:
    return {} if terminated is None else {"terminated": terminated}


def _resources(limits: Quantities, requests: Quantities) -> Json:
    found: Json = {}
    if limits:
        found["limits"] = dict(limits)
    if requests:
        found["requests"] = dict(requests)
    return found


def _conditions(view: PodView, before: Mapping[str, Any]) -> list[Json]:
    ready, reason, message = _containers_ready(view)
    pod_ready = _gates(view) if ready else (False, reason, message)
    initialized = _initialized(view)
    old = {condition["type"]: condition for condition in before.get("conditions") or ()}
    return [
        _condition(view, old, "PodReadyToStartContainers", view.sandbox),
        _condition(view, old, "Initialized", *initialized),
        _condition(view, old, "Ready", *pod_ready),
        _condition(view, old, "ContainersReady", ready, reason, message),
        _condition(view, old, "PodScheduled", True),
    ]


def _condition(
    view: PodView,
    old: Mapping[str, Mapping[str, Any]],
    type_: str,
    true: bool,
    reason: str = "",
    message: str = "",
) -> Json:
    status = "True" if true else "False"
    before = old.get(type_, {})
    moment = view.now
    if before.get("status") == status and before.get("lastTransitionTime"):
        moment = before["lastTransitionTime"]
    found: Json = {"type": type_, "status": status, "lastTransitionTime": moment}
    if view.tells_generation and view.pod.metadata.generation:
        found["observedGeneration"] = view.pod.metadata.generation
    if reason:
        found["reason"] = reason
    if message:
        found["message"] = message
    return found


def _containers_ready(view: PodView) -> tuple[bool, str, str]:
    if view.phase == "Succeeded":
        return False, "PodCompleted", ""
    if view.phase == "Failed":
        return False, "PodFailed", ""
    unready = [
        record.container.name
        for record in view.records
        if record.role not in (Role.INIT, Role.EPHEMERAL) and not record.ready
    ]
    if not unready:
        return True, "", ""
    return False, "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"


def _gates(view: PodView) -> tuple[bool, str, str]:
    """Readiness gates (upstream: GeneratePodReadyCondition)."""
    wrong = []
    found = {condition.type: condition.status for condition in view.pod.status.conditions}
    for gate in view.pod.spec.readiness_gates:
        name = gate.condition_type
        if name not in found:
            wrong.append(f'corresponding condition of pod readiness gate "{name}" does not exist.')
        elif found[name] != "True":
            wrong.append(
                f'the status of pod readiness gate "{name}" is not "True", but {found[name]}'
            )
    return (not wrong, "ReadinessGatesNotReady" if wrong else "", ", ".join(wrong))


def _initialized(view: PodView) -> tuple[bool, str, str]:
    if view.phase == "Succeeded":
        return True, "PodCompleted", ""
    if view.initialized:
        return True, "", ""
    incomplete = [
        record.container.name
        for record in view.records
        if (record.role is Role.INIT and not record.succeeded)
        or (record.role is Role.SIDECAR and not record.started)
    ]
    if not incomplete:
        return True, "", ""
    message = f"containers with incomplete status: [{' '.join(incomplete)}]"
    return False, "ContainersNotInitialized", message
