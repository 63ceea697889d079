"""Containers that only pretend: each plays a script, which `annotations` reads from its pod.

Images are always there. A container costs a timer only while something is still to happen to it;
its log is computed when it is read. A change of the pod's `k8slite.dev/` annotations while the
container runs makes it play the new script from then on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Final

import trio
from attrs import define, field

from k8slite.kubelet.pod import Container, Pod
from k8slite.kubelet.runtimes.annotations import PREFIX, Behaviour, behaviour_of
from k8slite.kubelet.runtimes.container_log import Line, printed, selected
from k8slite.kubelet.runtimes.runtime import (
    Complained,
    ContainerConfig,
    ContainerKey,
    ContainerUsage,
    Exited,
    LogNotFound,
    LogOptions,
    Probed,
    Pulled,
    PullFailed,
    Report,
    RunningContainer,
    Started,
)
from k8slite.kubelet.runtimes.script import Agenda, Exit, Script, Step, agenda, lines
from k8slite.kubelet.timers import Moment, Timer, Timers
from k8slite.messages import Stream

KILLED_CODE: Final = 137  # 128 and SIGKILL
IMAGE_BYTES: Final = 42_000_000  # what a pull says to have fetched
TICKS_MOST: Final = 100_000  # lines of `log-every` that are remembered: older ones are rotated away

Scripting = Callable[[Pod, Container], Behaviour]


@define(eq=False, slots=True)
class _Run:
    """One run of a container, from the order on."""

    config: ContainerConfig
    script: Script
    steps: tuple[Step, ...]
    id: str = ""  # "" before the start
    began: Moment | None = None
    origin_seconds: float = 0.0  # when the steps began; differs from `began` after a change
    ended: Moment | None = None
    agenda: Agenda = ()
    position: int = 0
    timer: Timer | None = None
    kill_at_seconds: float | None = None
    notes: list[Line] = field(factory=list)  # what happened that no script says
    changed: trio.Event | None = None  # set at the next line, if somebody follows

    def wake(self) -> None:
        if self.changed is not None:
            self.changed.set()
            self.changed = None

    def cancel(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class FakeRuntime:
    """A Runtime without containers."""

    name = "fake"

    def __init__(
        self, timers: Timers, *, version: str = "1.0.0", scripting: Scripting = behaviour_of
    ) -> None:
        self.version = version
        self._timers = timers
        self._scripting = scripting
        self._report: Callable[[Report], None] = lambda report: None
        self._runs: dict[str, dict[str, _Run]] = {}  # by pod uid and container name
        self._previous: dict[ContainerKey, _Run] = {}
        self._failed_pulls: dict[ContainerKey, int] = {}

    def attach(self, report: Callable[[Report], None]) -> None:
        self._report = report

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep_forever()

    def start(self, config: ContainerConfig) -> None:
        key = config.key
        behaviour = self._scripting(config.pod, config.container)
        script = behaviour.script
        if config.attempt == 0 and key not in self._failed_pulls:
            for complaint in behaviour.complaints:
                self._report(Complained(key, complaint))
        run = self._new_run(config, script)
        if script.pull_seconds:
            run.timer = self._timers.after(script.pull_seconds, lambda: self._pull(run))
        else:
            self._pull(run)

    def adopt(self, config: ContainerConfig, container_id: str, age_seconds: float) -> bool:
        if not container_id.startswith(f"{self.name}://"):
            return False
        run = self._new_run(config, self._scripting(config.pod, config.container).script)
        now = self._timers.now()
        run.id = container_id
        run.began = Moment(now.seconds - age_seconds, now.date - timedelta(seconds=age_seconds))
        self._play(run, run.began.seconds)
        return True

    def stop(self, key: ContainerKey, grace_seconds: float) -> None:
        run = self._runs.get(key.pod_uid, {}).get(key.name)
        if run is None or run.ended is not None:
            return
        if run.began is None:
            run.cancel()
            del self._runs[key.pod_uid][key.name]
            self._report(Exited(key, "", 0))
            return
        now = self._timers.now()
        killed = run.script.stop_seconds > grace_seconds
        at = now.seconds + min(run.script.stop_seconds, grace_seconds)
        if run.kill_at_seconds is None:
            self._note(run, now, "SIGTERM")
        elif at >= run.kill_at_seconds:
            return
        run.kill_at_seconds = at
        run.cancel()
        end = Exit(KILLED_CODE) if killed else Exit(run.script.stop_code)
        if at <= now.seconds:
            self._end(run, end)
        else:
            run.timer = self._timers.at(at, lambda: self._end(run, end))

    def change(self, config: ContainerConfig) -> None:
        run = self._runs.get(config.key.pod_uid, {}).get(config.key.name)
        if run is None or _told(run.config.pod) == _told(config.pod):
            return
        behaviour = self._scripting(config.pod, config.container)
        run.config, run.script = config, behaviour.script
        for complaint in behaviour.complaints:
            self._report(Complained(config.key, complaint))
        if run.began is not None and run.ended is None and run.kill_at_seconds is None:
            run.steps = run.script.of_run(config.attempt)
            self._play(run, self._timers.now().seconds)
            run.wake()

    def play(self, key: ContainerKey, steps: tuple[Step, ...]) -> bool:
        """Have a running container do something else from now on; False if it does not run."""
        run = self._runs.get(key.pod_uid, {}).get(key.name)
        if run is None or run.began is None or run.ended or run.kill_at_seconds is not None:
            return False
        run.steps = steps
        self._play(run, self._timers.now().seconds)
        run.wake()
        return True

    def forget(self, pod_uid: str) -> None:
        now = self._timers.now()
        for name, run in self._runs.pop(pod_uid, {}).items():
            run.cancel()
            if run.ended is None:
                run.ended = now
            run.wake()
            self._previous.pop(ContainerKey(pod_uid, name), None)
            self._failed_pulls.pop(ContainerKey(pod_uid, name), None)

    def inspect(self, pod_uid: str) -> list[RunningContainer]:
        return [
            RunningContainer(name, run.id, run.config.attempt)
            for name, run in sorted(self._runs.get(pod_uid, {}).items())
            if run.began is not None and run.ended is None
        ]

    def usage(self, pod_uid: str) -> list[ContainerUsage]:
        return [
            ContainerUsage(name, run.script.cpu_milli, run.script.memory_bytes)
            for name, run in sorted(self._runs.get(pod_uid, {}).items())
            if run.began is not None and run.ended is None
        ]

    def log(self, key: ContainerKey, options: LogOptions) -> bytes | Stream:
        current = self._runs.get(key.pod_uid, {}).get(key.name)
        run = current
        if options.previous or run is None or run.began is None:
            run = self._previous.get(key)
        if run is None or run.began is None:
            raise LogNotFound(key.name)
        if options.follow and run.ended is None:
            return _Followed(run, self._timers, options)
        found = printed(selected(_lines(run, self._timers.now()), options), options)
        return found if options.limit_bytes is None else found[: options.limit_bytes]

    def _new_run(self, config: ContainerConfig, script: Script) -> _Run:
        runs = self._runs.setdefault(config.key.pod_uid, {})
        last = runs.get(config.key.name)
        if last is not None:
            last.cancel()
            if last.began is not None:
                self._previous[config.key] = last
        run = runs[config.key.name] = _Run(config, script, script.of_run(config.attempt))
        return run

    def _pull(self, run: _Run) -> None:
        run.timer = None
        key, script = run.config.key, run.script
        failed = self._failed_pulls.get(key, 0)
        if script.pull_error and (script.pull_errors is None or failed < script.pull_errors):
            self._failed_pulls[key] = failed + 1
            self._report(PullFailed(key, script.pull_error))
            return
        container = run.config.container
        present = container.image_pull_policy != "Always" and not script.pull_seconds
        image_id = _image_id(container.image)
        self._report(Pulled(key, image_id, present, script.pull_seconds, IMAGE_BYTES))
        if script.start_seconds:
            run.timer = self._timers.after(script.start_seconds, lambda: self._begin(run))
        else:
            self._begin(run)

    def _begin(self, run: _Run) -> None:
        run.began = now = self._timers.now()
        config = run.config
        run.id = f"{self.name}://{_digest(f'{config.key}/{config.attempt}/{now.seconds}')}"
        container = config.container
        self._note(run, now, f"{container.name} starts, run {config.attempt} of {container.image}")
        self._report(Started(config.key, run.id))
        self._play(run, now.seconds)

    def _play(self, run: _Run, origin_seconds: float) -> None:
        """Report what has been due since the steps began, and wait for what will be."""
        run.cancel()
        run.origin_seconds = origin_seconds
        run.agenda = agenda(run.steps, run.config.container)
        run.position = 0
        self._go_on(run)

    def _go_on(self, run: _Run) -> None:
        run.timer = None
        played = run.agenda
        while run.ended is None and run.agenda is played and run.position < len(played):
            offset, due = played[run.position]
            at = run.origin_seconds + offset
            # Adding and subtracting floats may lose a nanosecond, and must not lose an event.
            if at > self._timers.now().seconds + 1e-6:
                run.timer = self._timers.at(at, lambda: self._go_on(run))
                return
            run.position += 1
            if isinstance(due, Exit):
                self._end(run, due)
            else:
                message = "" if due.ok else "the script says so"
                self._report(Probed(run.config.key, run.id, due.probe, due.ok, message))

    def _end(self, run: _Run, end: Exit) -> None:
        run.cancel()
        now = self._timers.now()
        reason = f", {end.reason}" if end.reason else ""
        self._note(run, now, f"{run.config.container.name} ends with code {end.code}{reason}")
        run.ended = now
        run.wake()
        self._report(Exited(run.config.key, run.id, end.code, end.reason, end.message))

    def _note(self, run: _Run, now: Moment, text: str) -> None:
        run.notes.append(Line(now.date, f"k8slite: {text}"))
        run.wake()


class _Followed:
    """The log of a run, piece by piece until it ends."""

    def __init__(self, run: _Run, timers: Timers, options: LogOptions) -> None:
        self._run = run
        self._timers = timers
        self._options = options
        self._left = options.limit_bytes
        self._first = True
        self._seen: Moment | None = None
        self._notes = 0
        self._closed = False

    async def receive(self) -> bytes:
        while not self._closed and (self._left is None or self._left > 0):
            ended = self._run.ended is not None
            found = printed(self._news(), self._options)
            if self._left is not None:
                found = found[: self._left]
                self._left -= len(found)
            if found:
                await trio.lowlevel.checkpoint()
                return found
            if ended:
                break
            if self._run.changed is None:
                self._run.changed = trio.Event()
            with trio.move_on_at(_next_line_seconds(self._run, self._timers.now())):
                await self._run.changed.wait()
        return b""

    def close(self) -> None:
        self._closed = True
        self._run.wake()

    def _news(self) -> list[Line]:
        now = self._timers.now()
        since, self._seen = self._seen, now
        notes, self._notes = self._notes, len(self._run.notes)
        if self._first:
            self._first = False
            return selected(_lines(self._run, now), self._options)
        found = _scripted(self._run, now, since) + self._run.notes[notes:]
        return sorted(found, key=lambda line: line.moment)


def _lines(run: _Run, now: Moment) -> list[Line]:
    """Everything that the run has printed so far, in order."""
    found = run.notes + _scripted(run, now, None)
    return sorted(found, key=lambda line: line.moment)


def _scripted(run: _Run, now: Moment, since: Moment | None) -> list[Line]:
    """What the script has printed after one moment (None: from the start), until another."""
    assert run.began is not None
    end = run.ended or now
    low = -1.0 if since is None else since.seconds
    found = []
    for offset, text in lines(run.steps):
        at = run.origin_seconds + offset
        if low < at <= end.seconds:
            # Counted from the beginning, so that a clock that is set changes no line's date.
            passed = timedelta(seconds=at - run.began.seconds)
            found.append(Line(run.began.date + passed, text))
    every = run.script.log_every_seconds
    if every:
        last = int((end.seconds - run.began.seconds) / every + 1e-9)
        first = 1 if since is None else int((low - run.began.seconds) / every + 1e-9) + 1
        for number in range(max(first, last - TICKS_MOST), last + 1):
            moment = run.began.date + timedelta(seconds=number * every)
            found.append(Line(moment, f"line {number}"))
    return found


def _next_line_seconds(run: _Run, now: Moment) -> float:
    """When the script prints again; infinite if never."""
    assert run.began is not None
    times = [run.origin_seconds + offset for offset, _ in lines(run.steps)]
    every = run.script.log_every_seconds
    if every:
        number = int((now.seconds - run.began.seconds) / every + 1e-9) + 1
        times.append(run.began.seconds + number * every)
    return min((at for at in times if at > now.seconds), default=float("inf"))


def _told(pod: Pod) -> dict[str, str]:
    return {k: v for k, v in pod.metadata.annotations.items() if k.startswith(PREFIX)}


@lru_cache(maxsize=1024)
def _image_id(image: str) -> str:
    name = image.partition("@")[0]
    head, _, tail = name.rpartition(":")
    return f"{head if head and '/' not in tail else name}@sha256:{_digest(image)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
