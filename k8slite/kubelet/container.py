"""What a kubelet knows of one container of a pod."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import define, field

from k8slite.kubelet.back_off import BackOff
from k8slite.kubelet.pod import Container, PodSpec

Json = dict[str, Any]


class Role(Enum):
    """What a container is for."""

    INIT = "init"
    SIDECAR = "sidecar"  # an init container that is restarted always
    REGULAR = "regular"
    EPHEMERAL = "ephemeral"  # put into a pod to look around, and never started again


class Stage(Enum):
    """Where it is in its current run."""

    NEW = "new"
    STARTING = "starting"  # the runtime has been asked
    HOOKED = "hooked"  # its process runs, and its postStart hook has not ended
    RUNNING = "running"
    ENDED = "ended"


@define(eq=False, slots=True)
class ContainerRecord:
    """One container, over all its runs; times are trio's."""

    container: Container
    role: Role
    waiting: tuple[str, str] | None  # reason and message, shown while it does not run
    stage: Stage = Stage.NEW
    id: str = ""
    image_id: str = ""
    restart_count: int = 0
    ready: bool = False
    started: bool = False  # its startup probe has succeeded, if it has one
    started_at: str = ""
    terminated: Json | None = None  # how its last run ended
    terminated_before: Json | None = None  # how the run before ended
    ended_seconds: float = 0.0
    exit_code: int = 0
    stopping: bool = False
    replaced: bool = False  # it was stopped in order to be started again
    pull_failed: bool = False
    pull_message: str = ""
    pull_failed_seconds: float = 0.0
    retry_at_seconds: float | None = None
    back_off: BackOff = field(factory=BackOff)
    pull_back_off: BackOff = field(factory=BackOff)

    @property
    def alive(self) -> bool:
        return self.stage in (Stage.RUNNING, Stage.STARTING, Stage.HOOKED)

    @property
    def holds_others(self) -> bool:
        """Whether those after it are not started yet (upstream starts one after the other)."""
        hook = self.container.lifecycle.post_start
        return hook is not None and self.stage in (Stage.STARTING, Stage.HOOKED)

    @property
    def succeeded(self) -> bool:
        return self.stage is Stage.ENDED and self.exit_code == 0

    def restartable(self, pod_restart_policy: str) -> bool:
        """Whether it is started again after its last run (upstream: `ContainerShouldRestart`)."""
        if self.role is Role.EPHEMERAL:
            return False
        if self.role is Role.SIDECAR or self.replaced:
            return True
        policy = self.container.restart_policy or pod_restart_policy
        return policy == "Always" or (policy == "OnFailure" and self.exit_code != 0)


def records_of(spec: PodSpec) -> list[ContainerRecord]:
    """The records of a pod that has not been started: init containers first, in order."""
    init = spec.init_containers
    waiting = ("PodInitializing" if init else "ContainerCreating", "")
    found = [
        ContainerRecord(one, Role.SIDECAR if one.restart_policy == "Always" else Role.INIT, waiting)
        for one in init
    ]
    found += [ContainerRecord(one, Role.REGULAR, waiting) for one in spec.containers]
    return found + [ephemeral(one) for one in spec.ephemeral_containers]


def needs_restart(before: Container, after: Container) -> bool:
    """Whether its resources have changed, and one of them not without a restart."""
    policies = {one.resource_name: one.restart_policy for one in after.resize_policy}
    for old, new in (
        (before.resources.requests, after.resources.requests),
        (before.resources.limits, after.resources.limits),
    ):
        for name in dict.fromkeys((*old, *new)):
            if policies.get(name) == "RestartContainer" and old.get(name) != new.get(name):
                return True
    return False


def ephemeral(container: Container) -> ContainerRecord:
    """The record of a container that was put into a pod."""
    return ContainerRecord(container, Role.EPHEMERAL, ("ContainerCreating", ""))


def remember(record: ContainerRecord, status: Mapping[str, Any]) -> None:
    """Take over what the API knows of a container: its ContainerStatus."""
    record.restart_count = status.get("restartCount", 0)
    record.id = status.get("containerID", "")
    record.image_id = status.get("imageID", "")
    record.ready = status.get("ready", False)
    record.started = bool(status.get("started"))
    state = status.get("state") or {}
    last = (status.get("lastState") or {}).get("terminated")
    if "terminated" in state:
        record.stage = Stage.ENDED
        record.terminated, record.terminated_before = state["terminated"], last
        record.waiting = None
    elif "running" in state:
        record.stage = Stage.RUNNING
        record.started_at = state["running"]["startedAt"]
        record.terminated = last
        record.waiting = None
    elif last is not None:
        record.stage = Stage.ENDED
        record.terminated = last
        waiting = state.get("waiting") or {}
        record.waiting = (waiting.get("reason", ""), waiting.get("message", ""))
    if record.terminated is not None:
        record.exit_code = record.terminated.get("exitCode", 0)
