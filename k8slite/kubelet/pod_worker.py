"""What one pod does next: a state machine that neither waits nor reads a clock.

It is told what the API wants (`update`), what happened to its containers (`observe`) and what time
it is; it gives orders to the runtime, tells of events, and keeps in `status` what the API should
say. Upstream: `pod_workers.go`, `kuberuntime_manager.go` (computePodActions, doBackOff).

A pod that an earlier kubelet ran is taken up as it is: containers that the API says are running go
on running (as when upstream's kubelet restarts and the runtime does not), those that waited for a
restart get it at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import chain
from typing import Any, Final

from k8slite.kubelet.admission import Refusal
from k8slite.kubelet.container import (
    ContainerRecord,
    Role,
    Stage,
    ephemeral,
    needs_restart,
    records_of,
    remember,
)
from k8slite.kubelet.container_changes import apply, lose
from k8slite.kubelet.contents import Missing
from k8slite.kubelet.host import Host, Surroundings
from k8slite.kubelet.pod import Pod
from k8slite.kubelet.pod_status import PodView, phase_of, pod_status
from k8slite.kubelet.restarting import CLOCK_SLACK_SECONDS, Tell, must_wait
from k8slite.kubelet.runtimes.finalizers import Finalizers
from k8slite.kubelet.runtimes.runtime import (
    Announced,
    ContainerConfig,
    ContainerKey,
    Hooked,
    Probed,
    Refinalized,
    Report,
    Runtime,
    Started,
    Unwanted,
)
from k8slite.kubelet.timers import Moment
from k8slite.objects.meta import parse_timestamp, timestamp

Json = dict[str, Any]

_STATUSES: Final = ("initContainer", "container", "ephemeralContainer")


class PodWorker:
    """One pod on one node."""

    def __init__(self, pod: Pod, host: Host, runtime: Runtime, tell: Tell) -> None:
        self.pod = pod
        self.host = host
        self.records = records_of(pod.spec)
        self.status: Json = {}
        self.addresses: tuple[str, ...] = ()
        self.done = False  # nothing of it runs, nor will again
        self.unwanted = False  # it is to be deleted, whatever runs
        self.finalizer_changes: list[Finalizers] = []  # that are still to be written
        self.surroundings: Surroundings | None = None  # None: it refers to nothing
        self.wake_at_seconds: float | None = None
        self._by_name = {record.container.name: record for record in self.records}
        self._runtime = runtime
        self._tell = tell
        self._started_at: datetime | None = None
        self._initialized = False
        self._ending = False
        self._stop_by_seconds: float | None = None
        self._reason = self._message = ""
        self._news = True
        self._settled = False  # it had ended before this kubelet saw it

    def adopt(self, status: Mapping[str, Any], now: Moment) -> None:
        """Take up what an earlier kubelet left; `status` is what the API says."""
        self.status = dict(status)
        if self.pod.metadata.deletion_timestamp:
            self._runtime.leave(self.pod)
        self._reason = status.get("reason", "")
        self._message = status.get("message", "")
        if status.get("startTime"):
            self._started_at = parse_timestamp(status["startTime"])
        self.addresses = tuple(one["ip"] for one in status.get("podIPs") or ())
        told = [status.get(f"{kind}Statuses") or [] for kind in _STATUSES]
        for one in chain.from_iterable(told):
            record = self._by_name.get(one["name"])
            if record is not None:
                remember(record, one)
                if record.role is Role.REGULAR and (record.id or record.terminated):
                    self._initialized = True
        if self.pod.terminal:
            self.done = self._ending = self._settled = True
            return
        if self._surrounded:
            self._adopt_all(now)

    def surrounded(self, now: Moment) -> None:
        """What it refers to was looked for."""
        self._news = True
        if self._surrounded:
            self._adopt_all(now)

    def reject(self, refusal: Refusal) -> None:
        """The pod is not to run here: it fails without having begun."""
        self._ending = True
        self._reason, self._message = refusal.reason, f"Pod was rejected: {refusal.message}"
        self._tell(self.pod, None, "Warning", refusal.reason, refusal.message)

    def place(self, addresses: tuple[str, ...]) -> None:
        """The pod's network is there."""
        self.addresses = addresses
        self._news = True

    def update(self, pod: Pod, now: Moment) -> None:
        """The API's pod has changed."""
        old, self.pod, self._news = self.pod, pod, True
        if pod.metadata.deletion_timestamp and not old.metadata.deletion_timestamp:
            self._runtime.leave(pod)
        if pod.metadata.annotations != old.metadata.annotations:
            for record in self.records:
                if record.alive:
                    self._runtime.change(self._config(record, record.restart_count))
        for one in pod.spec.ephemeral_containers:
            if one.name not in self._by_name:
                self.records.append(ephemeral(one))
                self._by_name[one.name] = self.records[-1]
        if pod.metadata.generation != old.metadata.generation:
            self._compare_containers(now)
        if pod.metadata.deletion_timestamp and self._stop_by_seconds is not None:
            self._stop_by(now.seconds + self._grace_seconds(), now)

    def observe(self, report: Report, now: Moment) -> None:
        """Something happened to a container."""
        record = self._by_name.get(report.key.name)
        if record is None:
            return
        self._news = True
        if isinstance(report, Probed):
            self._probed(record, report)
            return
        if isinstance(report, Announced):
            self._tell(self.pod, None, report.type, report.reason, report.message)
            return
        if isinstance(report, Unwanted):
            self.unwanted = True
            return
        if isinstance(report, Refinalized):
            self.finalizer_changes.append(report.change)
            return
        for type_, reason, message in apply(record, report, now):
            self._tell(self.pod, record.container, type_, reason, message)
        if isinstance(report, Started) and record.role is Role.REGULAR:
            self._initialized = True
        if isinstance(report, Hooked) and not report.ok and record.stage is Stage.HOOKED:
            seconds = float(self.pod.spec.termination_grace_period_seconds)
            if not record.stopping:
                self._kill(record, seconds, "FailedPostStartHook")

    def sync(self, now: Moment) -> bool:
        """Do what is to be done; True if `status` has changed."""
        self.wake_at_seconds = None
        if self._settled or (self.done and not self._news):
            return False
        if self._started_at is None:
            self._started_at = now.date
        self._news = True
        while self._news and not self.done:
            self._news = False
            self._check_end(now)
            if self._ending:
                self._stop(now)
            else:
                self._advance(now)
        self._news = False
        self._set_wake(now)
        return self._render(now)

    # What runs

    def _advance(self, now: Moment) -> None:
        """Start what is to be started (upstream: computePodActions)."""
        if not self._surrounded:
            return
        for record in self.records:
            if record.role is Role.EPHEMERAL and record.stage is Stage.NEW:
                self._start(record, now)
        for record in self.records:
            if record.role is Role.INIT and not self._initialized:
                if record.succeeded:
                    continue
                if record.stage is Stage.ENDED and not record.restartable(
                    self.pod.spec.restart_policy
                ):
                    self._ending = self._news = True
                else:
                    self._start(record, now)
                return
            if record.role is Role.SIDECAR:
                self._start(record, now)
                if not record.started and not self._initialized:
                    return
        policy = self.pod.spec.restart_policy
        working = False
        for record in self.records:
            if record.role is not Role.REGULAR:
                continue
            if record.terminated is None or record.alive or record.restartable(policy):
                working = True
                self._start(record, now)
                if record.holds_others:
                    break
        if not working:
            self._ending = self._news = True

    def _start(self, record: ContainerRecord, now: Moment) -> None:
        """Start a container unless it runs or has to wait."""
        if record.alive or must_wait(record, self.pod, now, self._tell):
            return
        attempt = record.restart_count + (record.stage is Stage.ENDED)
        record.retry_at_seconds = None
        try:
            config = self._config(record, attempt)
        except Missing as missing:
            waiting = ("CreateContainerConfigError", str(missing))
            if record.waiting != waiting:
                self._tell(self.pod, record.container, "Warning", "Failed", f"Error: {missing}")
            record.waiting = waiting
            return
        record.replaced = False
        record.stage = Stage.STARTING
        self._runtime.start(config)

    # How it ends

    def _check_end(self, now: Moment) -> None:
        metadata, spec = self.pod.metadata, self.pod.spec
        if metadata.deletion_timestamp is not None or self.pod.terminal:
            self._ending = True
        seconds = spec.active_deadline_seconds
        if seconds is None or self._ending or self._started_at is None:
            return
        if (now.date - self._started_at).total_seconds() + CLOCK_SLACK_SECONDS >= seconds:
            self._ending = True
            self._reason = "DeadlineExceeded"
            self._message = "Pod was active on the node longer than the specified deadline"
            self._tell(self.pod, None, "Normal", self._reason, self._message)

    def _stop(self, now: Moment) -> None:
        """End everything: regular and init containers together, then sidecars, last first."""
        if self._stop_by_seconds is None:
            self._stop_by_seconds = now.seconds + self._grace_seconds()
        first = [r for r in self.records if r.alive and r.role is not Role.SIDECAR]
        sidecars = [r for r in reversed(self.records) if r.alive and r.role is Role.SIDECAR]
        for record in first or sidecars[:1]:
            if not record.stopping:
                self._kill(record, self._stop_by_seconds - now.seconds)
        if not any(record.alive for record in self.records):
            self.done = True

    def _kill(self, record: ContainerRecord, grace_seconds: float, why: str = "") -> None:
        record.stopping = True
        text = why or f"Stopping container {record.container.name}"
        if record.stage in (Stage.RUNNING, Stage.HOOKED):
            self._tell(self.pod, record.container, "Normal", "Killing", text)
        self._runtime.stop(self._key(record), max(grace_seconds, 0.0))

    def _stop_by(self, seconds: float, now: Moment) -> None:
        """A later deletion may leave less time."""
        if self._stop_by_seconds is not None and seconds < self._stop_by_seconds:
            self._stop_by_seconds = seconds
            for record in self.records:
                if record.stopping and record.alive:
                    self._runtime.stop(self._key(record), max(seconds - now.seconds, 0.0))

    def _grace_seconds(self) -> float:
        metadata = self.pod.metadata
        if metadata.deletion_timestamp and metadata.deletion_grace_period_seconds is not None:
            return float(metadata.deletion_grace_period_seconds)
        return float(self.pod.spec.termination_grace_period_seconds)

    # What happened

    def _probed(self, record: ContainerRecord, report: Probed) -> None:
        if record.stage is not Stage.RUNNING or record.id != report.id:
            return
        if report.probe == "readiness":
            record.ready = report.ok and record.role is not Role.INIT
        elif report.probe == "startup":
            record.started = report.ok
        if report.ok:
            return
        if record.container.readiness_probe or report.probe != "readiness":
            text = f"{report.probe.capitalize()} probe failed: {report.message}"
            self._tell(self.pod, record.container, "Warning", "Unhealthy", text)
        if report.probe != "readiness" and not record.stopping:
            name = record.container.name
            why = f"Container {name} failed {report.probe} probe"
            if record.restartable(self.pod.spec.restart_policy):
                why += ", will be restarted"
            self._kill(record, self.pod.spec.termination_grace_period_seconds, why)

    # The rest

    def _compare_containers(self, now: Moment) -> None:
        """A running container whose image has changed is replaced."""
        spec = self.pod.spec
        for container in (*spec.init_containers, *spec.containers):
            record = self._by_name.get(container.name)
            if record is None:
                continue
            changed = record.container.image != container.image
            resized = needs_restart(record.container, container)
            record.container = container
            if (changed or resized) and record.stage is Stage.RUNNING and not record.stopping:
                record.replaced = True
                why = f"Container {container.name} definition changed, will be restarted"
                if resized:
                    why = f"Container {container.name} resize requires restart"
                self._kill(record, spec.termination_grace_period_seconds, why)

    @property
    def _surrounded(self) -> bool:
        return self.surroundings is None or self.surroundings.ready

    def _adopt_all(self, now: Moment) -> None:
        known = {one.name for one in self._runtime.inspect(self.pod.metadata.uid)}
        for record in self.records:
            if record.stage is Stage.RUNNING and record.container.name not in known:
                self._adopt_running(record, now)
                if record.stopping and record.stage is Stage.RUNNING:
                    self._runtime.stop(self._key(record), self._grace_seconds())

    def _adopt_running(self, record: ContainerRecord, now: Moment) -> None:
        age_seconds = max((now.date - parse_timestamp(record.started_at)).total_seconds(), 0.0)
        config = self._config(record, record.restart_count)
        if not self._runtime.adopt(config, record.id, age_seconds):
            lose(record)

    def _config(self, record: ContainerRecord, attempt: int) -> ContainerConfig:
        """An order to run it. Raises Missing."""
        here, container = self.surroundings, record.container
        if here is None:
            return ContainerConfig(self.pod, container, attempt, self.addresses)
        mounts, found = here.mounts(container), here.container(container)
        return ContainerConfig(self.pod, found, attempt, self.addresses, mounts, here.refresh)

    def _key(self, record: ContainerRecord) -> ContainerKey:
        return ContainerKey(self.pod.metadata.uid, record.container.name)

    def _set_wake(self, now: Moment) -> None:
        times = [r.retry_at_seconds for r in self.records if r.retry_at_seconds is not None]
        deadline = self.pod.spec.active_deadline_seconds
        if self._ending:
            times = []
        elif deadline is not None and self._started_at is not None:
            left = deadline - (now.date - self._started_at).total_seconds()
            times.append(now.seconds + left)
        self.wake_at_seconds = min(times, default=None)

    def _render(self, now: Moment) -> bool:
        assert self._started_at is not None
        view = PodView(
            pod=self.pod,
            records=self.records,
            phase=self._phase(),
            initialized=self._initialized,
            sandbox=bool(self.addresses) and not self.done,
            addresses=self.addresses,
            host_address=self.host.address,
            start_time=timestamp(self._started_at),
            now=timestamp(now.date),
            ending=self._ending,
            reason=self._reason,
            message=self._message,
            tells_generation=self.host.tells_generation,
        )
        before, self.status = self.status, pod_status(view, self.status)
        return self.status != before

    def _phase(self) -> str:
        if self.pod.terminal:
            return self.pod.status.phase
        ended = self._ending and self.done
        phase = phase_of(
            self.records, self.pod.spec.restart_policy, ended=ended, initialized=self._initialized
        )
        if ended and (self._reason == "DeadlineExceeded" or phase in ("Pending", "Running")):
            return "Failed"
        if not ended and phase in ("Succeeded", "Failed"):
            # A terminal phase is told when nothing runs any more (upstream: mergePodStatus).
            before = self.status.get("phase")
            return before if before in ("Pending", "Running") else "Running"
        return phase
