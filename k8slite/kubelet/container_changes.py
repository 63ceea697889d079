"""What a report does to a container's record, and which Events tell of it (texts of 1.36).

Upstream: `images/image_manager.go`, `kuberuntime_container.go`.
"""

from __future__ import annotations

from typing import Final

from k8slite.kubelet.back_off import go_duration
from k8slite.kubelet.container import ContainerRecord, Role, Stage
from k8slite.kubelet.pod_status import LOST, LOST_CODE
from k8slite.kubelet.runtimes.runtime import (
    Complained,
    Exited,
    Hooked,
    PreStopFailed,
    Pulled,
    PullFailed,
    Report,
    Started,
)
from k8slite.kubelet.timers import Moment
from k8slite.objects.meta import timestamp

# After a failed pull the status says ErrImagePull until the pod is looked at again, which upstream
# does about a second later; then it says ImagePullBackOff.
PULL_ERROR_SHOWN_SECONDS: Final = 1.0

Told = list[tuple[str, str, str]]  # type, reason and message of Events


def apply(record: ContainerRecord, report: Report, now: Moment) -> Told:
    """Note what happened."""
    match report:
        case Pulled():
            return _pulled(record, report)
        case PullFailed():
            return _pull_failed(record, report, now)
        case Started():
            return _started(record, report, now)
        case Hooked():
            return _hooked(record, report)
        case Exited():
            return _exited(record, report, now)
        case PreStopFailed():
            return [("Warning", "FailedPreStopHook", "PreStopHook failed")]
        case Complained():
            return [("Warning", "InvalidBehaviour", report.message)]
    raise AssertionError(f"no such report: {report}")


def lose(record: ContainerRecord) -> None:
    """It runs no more, and nobody knows how it ended."""
    record.stage = Stage.ENDED
    record.exit_code = LOST_CODE
    record.terminated_before, record.terminated = record.terminated, dict(LOST)
    record.ready = record.started = False


def _pulled(record: ContainerRecord, report: Pulled) -> Told:
    record.image_id = report.image_id
    record.pull_failed = False
    image = record.container.image
    if report.present:
        text = f'Container image "{image}" already present on machine'
        return [("Normal", "Pulled", f"{text} and can be accessed by the pod")]
    took = go_duration(report.seconds)
    text = f'Successfully pulled image "{image}" in {took} ({took} including waiting).'
    return [
        ("Normal", "Pulling", f'Pulling image "{image}"'),
        ("Normal", "Pulled", f"{text} Image size: {report.size_bytes} bytes."),
    ]


def _pull_failed(record: ContainerRecord, report: PullFailed, now: Moment) -> Told:
    record.stage = Stage.NEW if record.terminated is None else Stage.ENDED
    record.stopping = False
    record.pull_failed = True
    record.pull_message = report.message
    record.pull_failed_seconds = now.seconds
    record.pull_back_off.next(now.seconds, now.seconds)
    record.waiting = ("ErrImagePull", report.message)
    record.retry_at_seconds = now.seconds + PULL_ERROR_SHOWN_SECONDS
    image = record.container.image
    return [
        ("Normal", "Pulling", f'Pulling image "{image}"'),
        ("Warning", "Failed", f'Failed to pull image "{image}": {report.message}'),
        ("Warning", "Failed", "Error: ErrImagePull"),
    ]


def _started(record: ContainerRecord, report: Started, now: Moment) -> Told:
    if record.terminated is not None:
        record.restart_count += 1
    record.id = report.id
    record.ready = record.started = False
    record.started_at = timestamp(now.date)
    if report.hooked:
        record.stage = Stage.HOOKED
    else:
        _run(record)
    return [("Normal", "Created", "Container created"), ("Normal", "Started", "Container started")]


def _hooked(record: ContainerRecord, report: Hooked) -> Told:
    if record.stage is not Stage.HOOKED or record.id != report.id:
        return []
    if not report.ok:
        # What it said might be a secret (upstream: startContainer).
        return [("Warning", "FailedPostStartHook", "PostStartHook failed")]
    _run(record)
    return []


def _run(record: ContainerRecord) -> None:
    record.stage = Stage.RUNNING
    record.waiting = None
    record.started = record.container.startup_probe is None


def _exited(record: ContainerRecord, report: Exited, now: Moment) -> Told:
    record.stopping = record.ready = record.started = False
    if not report.id:
        record.stage = Stage.NEW if record.terminated is None else Stage.ENDED
        return []
    record.stage = Stage.ENDED
    record.waiting = None
    record.exit_code = report.exit_code
    record.ended_seconds = now.seconds
    record.terminated_before = record.terminated
    record.terminated = {
        "exitCode": report.exit_code,
        "reason": report.reason or ("Error" if report.exit_code else "Completed"),
        "startedAt": record.started_at,
        "finishedAt": timestamp(now.date),
        "containerID": report.id,
    }
    if report.message:
        record.terminated["message"] = report.message
    if record.role is Role.INIT:
        record.ready = report.exit_code == 0
    return []
