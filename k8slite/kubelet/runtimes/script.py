"""What a pretended container does, as a value: steps that are played from its start.

    Script(steps=(Log("up"), Wait(5), Ready(False), Wait(30), Exit(1)))

Everything here is pure: a script and a container's probes give an agenda, a list of what
happens how many seconds after the start, so that a container can also be taken up in the middle.
A script that ends without an Exit runs for ever; after one only what is done with the pod counts.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.kinds.core.probe_models import Probe
from k8slite.kubelet.pod import Container
from k8slite.kubelet.runtimes.finalizers import Finalizers
from k8slite.kubelet.runtimes.runtime import ProbeKind

KILLED_CODE: Final = 137  # 128 and SIGKILL


@frozen
class Wait:
    """Nothing, for a while."""

    seconds: float


@frozen
class Log:
    """Lines of output."""

    text: str


@frozen
class Ready:
    """From now on readiness probes succeed, or fail."""

    ok: bool


@frozen
class Alive:
    """From now on startup and liveness probes succeed, or fail."""

    ok: bool


@frozen
class Exit:
    """The end."""

    code: int
    reason: str = ""
    message: str = ""


@frozen
class Announce:
    """An Event about the pod; it may come after the end."""

    reason: str
    message: str = ""
    type: str = "Normal"


@frozen
class DeletePod:
    """The whole pod is deleted, without grace; it may come after the end."""


OfPod = Announce | DeletePod | Finalizers
Step = Wait | Log | Ready | Alive | Exit | OfPod


@frozen
class Answer:
    """What a command that is run in the container prints, and how it ends."""

    command: str  # its words joined by spaces; may have * and ? as file names do
    output: str = ""
    error: str = ""
    code: int = 0


@frozen
class Script:
    """What a container does, from the pull of its image to its answer to SIGTERM."""

    steps: tuple[Step, ...] = ()
    exits: int | None = None  # so many runs end as the steps say, later ones do not; None: all
    pull_error: str = ""
    pull_errors: int | None = None  # so many pulls fail, later ones do not; None: all
    pull_seconds: float = 0.0
    start_seconds: float = 0.0
    log_every_seconds: float = 0.0  # a line of output each; 0: none
    stop_seconds: float = 0.0  # from SIGTERM to the end
    stop_code: int = 0
    # What is done with the pod (of its first container) from its deletion on, and when.
    leaving: tuple[Step, ...] = ()
    cpu_milli: int = 1  # what it uses while it runs: next to nothing
    memory_bytes: int = 8 * 1024 * 1024
    answers: tuple[Answer, ...] = ()  # the first that fits a command is given
    http: str | None = None  # what its declared ports answer; None: a line that names them
    server: str = ""  # a web server that answers at its own port instead (see `commands.web`)
    # What really runs (see `program`): then the steps count for nothing, and probes are made.
    program: Callable[[Any], Awaitable[int | None]] | None = None
    # What is interpreted where there is no program (see `interpreting`): the same holds.
    command: tuple[str, ...] = ()

    def of_run(self, attempt: int) -> tuple[Step, ...]:
        """The steps of the run with that number, counted from 0."""
        if self.exits is None or attempt < self.exits:
            return self.steps
        return tuple(step for step in self.steps if not isinstance(step, Exit))


@frozen
class Result:
    """A probe's result, from then on."""

    probe: ProbeKind
    ok: bool


Due = Result | Exit | OfPod
Agenda = tuple[tuple[float, Due], ...]


def lines(steps: Sequence[Step]) -> list[tuple[float, str]]:
    """What is logged how many seconds after the start."""
    return [
        (offset, line)
        for offset, step in _timeline(steps)
        if isinstance(step, Log)
        for line in step.text.splitlines()
    ]


def agenda(steps: Sequence[Step], container: Container) -> Agenda:
    """What is to be reported how many seconds after the start, in order."""
    timeline = _timeline(steps)
    ready = _answers(timeline, Ready)
    alive = _answers(timeline, Alive)
    begin = 0.0
    found: list[tuple[float, Due]] = []
    if container.startup_probe is not None:
        startup = _probed(alive, container.startup_probe, begin)
        found += [(at, Result("startup", ok)) for at, ok in startup[:1]]
        begin = startup[0][0] if startup and startup[0][1] else math.inf
    if begin < math.inf:
        probe = container.readiness_probe
        ready_results = _probed(ready, probe, begin) if probe else _from(ready, begin)
        found += [(at, Result("readiness", ok)) for at, ok in ready_results]
        # Upstream takes a container for alive until a probe says otherwise.
        if container.liveness_probe is not None:
            results = _probed(alive, container.liveness_probe, begin, result=True)
            found += [(at, Result("liveness", ok)) for at, ok in results]
    end = next(((at, step) for at, step in timeline if isinstance(step, Exit)), None)
    if end is not None:
        found = [one for one in found if one[0] < end[0]]
    found += [(at, step) for at, step in timeline if isinstance(step, Exit | OfPod)]
    found.sort(key=lambda one: one[0])
    return tuple(found)


def due_of_pod(steps: Sequence[Step]) -> list[tuple[float, OfPod]]:
    """What is done with the pod how many seconds after the beginning."""
    return [(at, step) for at, step in _timeline(steps) if isinstance(step, OfPod)]


def _timeline(steps: Sequence[Step]) -> list[tuple[float, Step]]:
    offset, ended, found = 0.0, False, list[tuple[float, Step]]()
    for step in steps:
        if isinstance(step, Wait):
            offset += step.seconds
        elif not ended or isinstance(step, OfPod):
            found.append((offset, step))
            ended = ended or isinstance(step, Exit)
    return found


def _answers(
    timeline: Sequence[tuple[float, Step]], kind: type[Ready] | type[Alive]
) -> list[tuple[float, bool]]:
    """What a probe would find from when on; it succeeds unless the script says otherwise."""
    found = [(0.0, True)]
    for offset, step in timeline:
        if isinstance(step, kind):
            if found[-1][0] == offset:
                found.pop()
            found.append((offset, step.ok))
    return found


def _from(answers: Sequence[tuple[float, bool]], begin: float) -> list[tuple[float, bool]]:
    """The answers as they are, seen from `begin` on, for a container without the probe."""
    found: list[tuple[float, bool]] = []
    for offset, ok in answers:
        at = max(offset, begin)
        if found and found[-1][0] == at:
            found.pop()
        found.append((at, ok))
    return found


def _probed(
    answers: Sequence[tuple[float, bool]], probe: Probe, begin: float, *, result: bool = False
) -> list[tuple[float, bool]]:
    """When a probe's result changes: it needs so many equal answers, one each period.

    A failing probe that never succeeded is reported too, once its threshold is reached.
    """
    first = max(float(probe.initial_delay_seconds), begin)
    period = max(probe.period_seconds, 1)
    found: list[tuple[float, bool]] = []
    streak_ok, streak = result, 0
    for position, (start, ok) in enumerate(answers):
        end = answers[position + 1][0] if position + 1 < len(answers) else math.inf
        low = max(0, math.ceil((start - first) / period))
        high = math.inf if end == math.inf else max(0, math.ceil((end - first) / period))
        if high <= low:
            continue
        if ok is not streak_ok:
            streak_ok, streak = ok, 0
        threshold = probe.success_threshold if ok else probe.failure_threshold
        missing = max(threshold, 1) - streak
        news = ok is not result or not found
        if news and 0 < missing <= high - low and not (ok and result):
            found.append((first + (low + missing - 1) * period, ok))
            result = ok
        streak = math.inf if high == math.inf else streak + int(high - low)  # type: ignore[assignment]
    return found
