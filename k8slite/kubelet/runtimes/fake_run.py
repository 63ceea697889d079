"""One run of a pretended container, and its log, which is computed when it is read."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import trio
from attrs import define, evolve, field

from k8slite.kubelet.runtimes.container_log import Line, printed, selected
from k8slite.kubelet.runtimes.finalizers import Finalizers
from k8slite.kubelet.runtimes.runtime import (
    Announced,
    ContainerConfig,
    ContainerKey,
    LogOptions,
    Probed,
    Refinalized,
    Report,
    Unwanted,
)
from k8slite.kubelet.runtimes.script import (
    Agenda,
    Announce,
    DeletePod,
    OfPod,
    Result,
    Script,
    Step,
    lines,
)
from k8slite.kubelet.timers import Moment, Timer, Timers

if TYPE_CHECKING:  # loaded when somebody reaches into a container
    from k8slite.kubelet.runtimes.box import Box
    from k8slite.kubelet.runtimes.network import Listener
    from k8slite.kubelet.runtimes.program import Process
    from k8slite.kubelet.runtimes.session import Session
    from k8slite.kubelet.runtimes.terminal import Terminal

_FALLS_BACK: Final = "FallbackToLogsOnError"
_MESSAGE_MOST_LINES: Final = 80
_MESSAGE_MOST_BYTES: Final = 4096
TICKS_MOST: Final = 100_000  # lines of `log-every` that are remembered: older ones are rotated away


@define(eq=False, slots=True)
class Run:
    """One run of a container, from the order on."""

    config: ContainerConfig
    script: Script
    steps: tuple[Step, ...]
    id: str = ""  # "" before the start
    began: Moment | None = None
    origin_seconds: float = 0.0  # when the steps began; differs from `began` after a change
    taken_up_seconds: float = 0.0  # an earlier kubelet has told of what was before
    ended: Moment | None = None
    agenda: Agenda = ()
    position: int = 0
    timer: Timer | None = None
    kill_at_seconds: float | None = None
    notes: list[Line] = field(factory=list)  # what happened that no script says
    changed: trio.Event | None = None  # set at the next line, if somebody follows
    box: Box | None = None  # what commands in it find, once there was one
    process: Process | None = None  # of a program
    terminal: Terminal | None = None  # of one that can be talked to
    hooking: bool = False  # its postStart hook has not ended
    inside: list[trio.CancelScope] = field(factory=list)  # commands that run in it
    listeners: list[Listener] = field(factory=list)  # at the ports of one that plays a script

    @property
    def hosted(self) -> bool:
        """Whether something really runs in it."""
        return self.script.program is not None or bool(self.script.command)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where its pod is; one that has no address is reached by nobody but itself."""
        return self.config.addresses or (self.config.pod.metadata.uid,)

    @property
    def address(self) -> str:
        """The first of them."""
        return self.addresses[0]

    def wake(self) -> None:
        if self.changed is not None:
            self.changed.set()
            self.changed = None

    def leave(self) -> None:
        """Nothing goes on in a container that has ended."""
        for scope in self.inside:
            scope.cancel()
        for listener in self.listeners:
            listener.close()
        self.listeners.clear()
        self.wake()

    def leave_command(self) -> None:
        """An interpreted command ends without a word: its container plays a script from now on."""
        if self.script.command:
            self.leave()
            self.process = None
            self.script = evolve(self.script, command=())

    def cancel(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def container_id(scheme: str, config: ContainerConfig, began: Moment) -> str:
    """The id of a run that begins now."""
    text = f"{config.key}/{config.attempt}/{began.seconds}"
    return f"{scheme}://{hashlib.sha256(text.encode()).hexdigest()}"


def report_of(run: Run, due: Result | OfPod, at_seconds: float) -> Report | None:
    """What the kubelet is told of something that is due; None of what it was told of before."""
    key = run.config.key
    if isinstance(due, Result):
        message = "" if due.ok else "the script says so"
        return Probed(key, run.id, due.probe, due.ok, message)
    if not isinstance(due, DeletePod) and at_seconds < run.taken_up_seconds:
        return None
    return of_pod(key, due)


def of_pod(key: ContainerKey, due: OfPod) -> Report:
    """What the kubelet is told of something that is done with the pod."""
    match due:
        case Announce():
            return Announced(key, due.type, due.reason, due.message)
        case Finalizers():
            return Refinalized(key, due)
        case DeletePod():
            return Unwanted(key)


class Followed:
    """The log of a run, piece by piece until it ends."""

    def __init__(self, run: Run, timers: Timers, options: LogOptions) -> None:
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
            return selected(log_lines(self._run, now), self._options)
        found = _scripted(self._run, now, since) + self._run.notes[notes:]
        return sorted(found, key=lambda line: line.moment)


async def show_log(run: Run, timers: Timers, session: Session) -> None:
    """Show a client what is logged from now on, until the container has ended."""
    output = Followed(run, timers, LogOptions(follow=True, tail_lines=0))
    try:
        while piece := await output.receive():
            await session.write(piece.replace(b"\n", b"\r\n") if session.tty else piece)
    finally:
        output.close()


def log_lines(run: Run, now: Moment) -> list[Line]:
    """Everything that the run has printed so far, in order."""
    found = run.notes + _scripted(run, now, None)
    return sorted(found, key=lambda line: line.moment)


def termination_message(run: Run, code: int, now: Moment) -> str:
    """What a container leaves as its last words: its file for that, or the end of its log.

    Upstream: `kuberuntime_container.go` (getTerminationMessage), 4096 bytes and 80 lines at most.
    """
    container = run.config.container
    path = container.termination_message_path or "/dev/termination-log"
    found = run.box.files.get(run.box.path(path), b"") if run.box is not None else b""
    if not found and code and container.termination_message_policy == _FALLS_BACK:
        lines = log_lines(run, now)[-_MESSAGE_MOST_LINES:]
        found = "".join(f"{line.text}\n" for line in lines).encode()
    return found[-_MESSAGE_MOST_BYTES:].decode(errors="replace")


def _scripted(run: Run, now: Moment, since: Moment | None) -> list[Line]:
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


def _next_line_seconds(run: Run, now: Moment) -> float:
    """When the script prints again; infinite if never."""
    assert run.began is not None
    times = [run.origin_seconds + offset for offset, _ in lines(run.steps)]
    every = run.script.log_every_seconds
    if every:
        number = int((now.seconds - run.began.seconds) / every + 1e-9) + 1
        times.append(run.began.seconds + number * every)
    return min((at for at in times if at > now.seconds), default=float("inf"))
