"""What a pod's annotations tell its pretended containers to do.

Every name may end in `.<container>`, which goes before the name without (an annotation's name
holds at most 63 characters after the slash). Durations are seconds ("1.5") or Go's ("250ms", "10s",
"2m", "1h30m").

    k8slite.dev/exit-code: "1"          ends with that code (0 to 255), or "never"
    k8slite.dev/exit-after: "10s"       how long it runs before (alone: code 0); default at once
    k8slite.dev/exit-times: "3"         so many runs end, then one stays up
    k8slite.dev/oom-after: "10s"        the kernel kills it then: 137, OOMKilled
    k8slite.dev/ready-after: "5s"       its readiness probe fails until then, or "never" succeeds
    k8slite.dev/unready-after: "30s"    its readiness probe fails from then on
    k8slite.dev/unready-for: "10s"      and only so long
    k8slite.dev/liveness-fails-after: "30s"   startup and liveness probes fail from then on
    k8slite.dev/pull-error: "..."       its image cannot be pulled, with that message ("" for usual)
    k8slite.dev/pull-error-times: "2"   so many pulls fail, then one succeeds
    k8slite.dev/pull-delay: "3s"        how long a pull takes
    k8slite.dev/start-delay: "3s"       how long the start takes
    k8slite.dev/stop-delay: "20s"       how long it takes to end after SIGTERM
    k8slite.dev/stop-code: "143"        with what code, default 0
    k8slite.dev/log: "line\\nline"       what it prints at its start
    k8slite.dev/log-every: "1s"         prints a numbered line each
    k8slite.dev/cpu-usage: "250m"       how much processor time it uses, default 1m
    k8slite.dev/memory-usage: "64Mi"    and memory, default 8Mi
    k8slite.dev/exec: '[{"command": "pg_isready *", "output": "ok\\n", "error": "", "exitCode": 0}]'
                                        what commands answer, by patterns as of file names
    k8slite.dev/http: "text"            what its declared ports answer over HTTP

Without any, a container whose command is one that pretended containers know runs that (see
`interpreting`), and one of an image that is known what its image does (`images`). Else an init
container, and a container of a pod that a Job controls, ends at once with code 0, as one without a
command does there whatever its image is; every other runs for ever. A value that cannot be read is
left out, with a complaint.

Every image is there, but for those whose tag says otherwise, whatever their name: 404, missing,
nonexistent, non-existent, does-not-exist. They cannot be pulled, as a roll-out to a bad image.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from attrs import frozen

from k8slite.kubelet.pod import Container, Pod
from k8slite.kubelet.references import resolved
from k8slite.kubelet.runtimes.images import command_of, quiet_server
from k8slite.kubelet.runtimes.script import Alive, Answer, Exit, Log, Ready, Script, Step, Wait
from k8slite.objects.codec import loads
from k8slite.objects.quantity import milli, whole

T = TypeVar("T")

PREFIX: Final = "k8slite.dev/"
OOM_CODE: Final = 137  # 128 and SIGKILL


@frozen
class Behaviour:
    """A script, and what could not be read on the way to it."""

    script: Script
    complaints: tuple[str, ...] = ()


def behaviour_of(pod: Pod, container: Container) -> Behaviour:
    """What the container does."""
    annotations = pod.metadata.annotations
    ends = _ends_by_itself(pod, container)
    missing = _says_it_is_missing(container.image)
    if not any(name.startswith(PREFIX) for name in annotations):
        if missing:
            return Behaviour(Script(pull_error=_not_found(container.image)))
        if ends and not (container.command or container.args):
            return _ENDING
        server = quiet_server(container)
        if server:
            return _SERVING[server]
        command = _understood_command(container)
        if command:
            return Behaviour(Script(command=command))
        return _ENDING if ends else _RUNNING
    read = _Reader(annotations, container.name)
    steps = _steps(read, ends)
    pull_error = read.value("pull-error", str)
    if pull_error is None and missing:
        pull_error = ""
    cpu, memory = read.value("cpu-usage", milli), read.value("memory-usage", whole)
    return Behaviour(
        Script(
            steps=steps,
            exits=read.value("exit-times", _count),
            pull_error="" if pull_error is None else pull_error or _not_found(container.image),
            pull_errors=read.value("pull-error-times", _count),
            pull_seconds=read.value("pull-delay", duration_seconds) or 0.0,
            start_seconds=read.value("start-delay", duration_seconds) or 0.0,
            log_every_seconds=read.value("log-every", _period) or 0.0,
            stop_seconds=read.value("stop-delay", duration_seconds) or 0.0,
            stop_code=read.value("stop-code", _exit_code) or 0,
            cpu_milli=_IDLE.cpu_milli if cpu is None else cpu,
            memory_bytes=_IDLE.memory_bytes if memory is None else memory,
            answers=read.value("exec", _answers) or (),
            http=read.value("http", str),
        ),
        tuple(read.complaints + _unknown(annotations)),
    )


def is_usual(behaviour: Behaviour) -> bool:
    """Whether nobody but its command or image has said what a container does."""
    script = behaviour.script
    return behaviour is _RUNNING or behaviour is _ENDING or bool(script.command or script.server)


def told_by(pod: Pod) -> dict[str, str]:
    """The annotations of a pod that say what it does."""
    return {k: v for k, v in pod.metadata.annotations.items() if k.startswith(PREFIX)}


def duration_seconds(text: str) -> float:
    """Read seconds, or a duration as Go writes it. Raises ValueError."""
    if _PLAIN.fullmatch(text):
        return float(text)
    if not text or not _DURATION.fullmatch(text):
        raise ValueError("not a duration such as 10, 1.5s, 250ms or 2m")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


class _Reader:
    def __init__(self, annotations: Mapping[str, str], container: str) -> None:
        self._annotations = annotations
        self._container = container
        self.complaints: list[str] = []

    def value(self, name: str, convert: Callable[[str], T]) -> T | None:
        """The annotation for this container, or for all; None if it is absent or unreadable."""
        for key in (f"{PREFIX}{name}.{self._container}", PREFIX + name):
            if key in self._annotations:
                text = self._annotations[key]
                try:
                    return convert(text)
                except ValueError as error:
                    self.complaints.append(f"annotation {key}={text!r} is ignored: {error}")
                    return None
        return None


def _steps(read: _Reader, ends_by_itself: bool) -> tuple[Step, ...]:
    """The annotations' moments, in order."""
    moments: list[tuple[float, Step]] = []
    text = read.value("log", str)
    if text:
        moments.append((0.0, Log(text)))
    ready_after = read.value("ready-after", _or_never)
    if ready_after is not None:
        moments.append((0.0, Ready(False)))
        if ready_after >= 0:
            moments.append((ready_after, Ready(True)))
    unready_after = read.value("unready-after", duration_seconds)
    unready_for = read.value("unready-for", duration_seconds)
    if unready_after is not None or unready_for is not None:
        begin = unready_after or 0.0
        moments.append((begin, Ready(False)))
        if unready_for is not None:
            moments.append((begin + unready_for, Ready(True)))
    dead_after = read.value("liveness-fails-after", duration_seconds)
    if dead_after is not None:
        moments.append((dead_after, Alive(False)))
    end = _end(read, ends_by_itself)
    moments.sort(key=lambda moment: moment[0])
    if end is not None:
        moments = [moment for moment in moments if moment[0] <= end[0]]
        moments.append(end)
    return _played(moments)


def _end(read: _Reader, ends_by_itself: bool) -> tuple[float, Step] | None:
    oom_after = read.value("oom-after", duration_seconds)
    if oom_after is not None:
        return oom_after, Exit(OOM_CODE, "OOMKilled")
    code = read.value("exit-code", _code_or_never)
    after = read.value("exit-after", _or_never)
    if code == _NEVER or after == _NEVER or (code is None and after is None and not ends_by_itself):
        return None
    return after or 0.0, Exit(int(code or 0))


def _played(moments: list[tuple[float, Step]]) -> tuple[Step, ...]:
    steps: list[Step] = []
    offset = 0.0
    for at, step in moments:
        if at > offset:
            steps.append(Wait(at - offset))
            offset = at
        steps.append(step)
    return tuple(steps)


def _ends_by_itself(pod: Pod, container: Container) -> bool:
    if any(container.name == one.name for one in pod.spec.init_containers):
        return container.restart_policy != "Always"
    controller = pod.metadata.controller
    return controller is not None and controller.kind == "Job"


def _unknown(annotations: Mapping[str, str]) -> list[str]:
    return [
        f"annotation {name} is not known"
        for name in sorted(annotations)
        if name.startswith(PREFIX) and name[len(PREFIX) :].partition(".")[0] not in _NAMES
    ]


def _understood_command(container: Container) -> tuple[str, ...]:
    command = command_of(container)
    if not command:
        return ()
    # A start pays nothing for it.
    from k8slite.kubelet.runtimes.interpreting import is_shell, is_understood

    values = {one.name: one.value for one in container.env}
    words = tuple(resolved(one, values) for one in command)
    return words if is_understood(words) or (container.stdin and is_shell(words)) else ()


def _says_it_is_missing(image: str) -> bool:
    return image.partition("@")[0].rpartition(":")[2] in _MISSING_TAGS


def _not_found(image: str) -> str:
    return f'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": not found'


def _answers(text: str) -> tuple[Answer, ...]:
    listed = loads(text.encode())
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise ValueError("not a list of objects")
    found = []
    for one in listed:
        unknown = set(one) - {"command", "output", "error", "exitCode"}
        if unknown or "command" not in one:
            raise ValueError("each has a command and perhaps output, error and exitCode")
        code = _exit_code(str(one.get("exitCode", 0)))
        told = str(one.get("output", "")), str(one.get("error", ""))
        found.append(Answer(str(one["command"]), *told, code))
    return tuple(found)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("not a count")
    return int(text)


def _exit_code(text: str) -> int:
    if not text.isdecimal() or int(text) > 255:
        raise ValueError("not an exit code from 0 to 255")
    return int(text)


def _period(text: str) -> float:
    seconds = duration_seconds(text)
    if seconds < 0.001:
        raise ValueError("shorter than a millisecond")
    return seconds


def _or_never(text: str) -> float:
    return _NEVER if text == "never" else duration_seconds(text)


def _code_or_never(text: str) -> float:
    return _NEVER if text == "never" else _exit_code(text)


_NEVER: Final = -1.0
_MISSING_TAGS: Final = frozenset(
    {"404", "missing", "nonexistent", "non-existent", "does-not-exist"}
)
_IDLE: Final = Script()
_RUNNING: Final = Behaviour(Script())
_ENDING: Final = Behaviour(Script(steps=(Exit(0),)))
_SERVING: Final = {
    name: Behaviour(Script(server=name)) for name in ("httpd-foreground", "nginx", "pause")
}
_PLAIN: Final = re.compile(r"\d+(\.\d+)?")
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_DURATION: Final = re.compile(r"(\d+(\.\d+)?(ms|s|m|h))+")
_UNITS: Final[Mapping[str, float]] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NAMES: Final = frozenset(
    {
        "cpu-usage",
        "exec",
        "exit-after",
        "exit-code",
        "exit-times",
        "http",
        "liveness-fails-after",
        "log",
        "log-every",
        "memory-usage",
        "oom-after",
        "pull-delay",
        "pull-error",
        "pull-error-times",
        "ready-after",
        "start-delay",
        "stop-code",
        "stop-delay",
        "unready-after",
        "unready-for",
    }
)
