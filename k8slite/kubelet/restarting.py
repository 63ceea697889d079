"""When a container may be started again, after it has ended or its image could not be had.

Upstream: `kuberuntime_manager.go` (doBackOff), `images/image_manager.go`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from k8slite.kubelet.back_off import go_duration
from k8slite.kubelet.container import ContainerRecord, Stage
from k8slite.kubelet.pod import Container, Pod
from k8slite.kubelet.timers import Moment

# (pod, container or None, type, reason, message)
Tell = Callable[[Pod, Container | None, str, str, str], None]
CLOCK_SLACK_SECONDS: Final = 1e-6  # sums of floats may miss their time by less than this


def must_wait(record: ContainerRecord, pod: Pod, now: Moment, tell: Tell) -> bool:
    """Whether it is too early to start a container; then it says how long it waits."""
    if (
        record.retry_at_seconds is not None
        and now.seconds + CLOCK_SLACK_SECONDS < record.retry_at_seconds
    ):
        return True
    if record.pull_failed:
        return _pull_must_wait(record, pod, now, tell)
    if record.stage is not Stage.ENDED or record.replaced:
        return False
    due = record.back_off.until(record.ended_seconds)
    if due > now.seconds + CLOCK_SLACK_SECONDS:
        name = record.container.name
        wait = go_duration(record.back_off.seconds)
        text = f"back-off {wait} restarting failed container={name} pod={pod}"
        record.waiting = ("CrashLoopBackOff", text)
        record.retry_at_seconds = due
        event = f"Back-off restarting failed container {name} in pod {pod}"
        tell(pod, record.container, "Warning", "BackOff", event)
        return True
    record.back_off.next(record.ended_seconds, now.seconds)
    return False


def _pull_must_wait(record: ContainerRecord, pod: Pod, now: Moment, tell: Tell) -> bool:
    due = record.pull_failed_seconds + record.pull_back_off.seconds
    if due <= now.seconds + CLOCK_SLACK_SECONDS:
        return False
    text = f'Back-off pulling image "{record.container.image}"'
    record.waiting = ("ImagePullBackOff", f"{text}: ErrImagePull: {record.pull_message}")
    record.retry_at_seconds = due
    tell(pod, record.container, "Normal", "BackOff", text)
    tell(pod, record.container, "Warning", "Failed", "Error: ImagePullBackOff")
    return True
