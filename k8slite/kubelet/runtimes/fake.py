"""Containers that only pretend: each plays a script, which `annotations` reads from its pod.

Images are always there. A container costs a timer only while something is still to happen to it;
its log is computed when it is read. A change of the pod's `k8slite.dev/` annotations while the
container runs makes it play the new script from then on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import trio

from k8slite.kubelet.pod import Container, Hook, Pod
from k8slite.kubelet.runtimes.annotations import Behaviour, behaviour_of, told_by
from k8slite.kubelet.runtimes.container_log import Line, printed, selected
from k8slite.kubelet.runtimes.fake_run import (
    Followed,
    Run,
    container_id,
    log_lines,
    report_of,
    termination_message,
)
from k8slite.kubelet.runtimes.images import IMAGE_BYTES, image_id
from k8slite.kubelet.runtimes.leaving import Leaving
from k8slite.kubelet.runtimes.network import Network, Routes
from k8slite.kubelet.runtimes.program import TERMINATED_CODE, connected
from k8slite.kubelet.runtimes.runtime import (
    Complained,
    ContainerConfig,
    ContainerKey,
    ContainerUsage,
    Exited,
    Hooked,
    LogNotFound,
    LogOptions,
    PreStopFailed,
    Pulled,
    PullFailed,
    Report,
    RunningContainer,
    Started,
)
from k8slite.kubelet.runtimes.script import KILLED_CODE, Exit, Script, Step, agenda
from k8slite.kubelet.runtimes.session import ExecFailed, Session
from k8slite.kubelet.timers import Moment, Timers
from k8slite.messages import Duplex, Request, Response, Stream

if TYPE_CHECKING:
    from k8slite.kubelet.runtimes.hosting import Hosting

LEAST_GRACE_SECONDS: Final = 2.0  # after a hook (upstream: minimumGracePeriodInSeconds)

Scripting = Callable[[Pod, Container], Behaviour]


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
        self._runs: dict[str, dict[str, Run]] = {}  # by pod uid and container name
        self._previous: dict[ContainerKey, Run] = {}
        self._failed_pulls: dict[ContainerKey, int] = {}
        self.network = Network()
        self._hosting: Hosting | None = None  # once there was a program
        self._nursery: trio.Nursery | None = None
        self._leaving = Leaving(timers, lambda report: self._report(report))

    def attach(self, report: Callable[[Report], None]) -> None:
        self._report = report

    def route(self, routes: Routes) -> None:
        self.network.routes = routes

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as self._nursery:
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
        run.taken_up_seconds = now.seconds
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
        hook = run.config.container.lifecycle.pre_stop
        if hook is None or run.kill_at_seconds is not None or grace_seconds <= 0:
            self._terminate(run, grace_seconds)
            return
        assert self._nursery is not None
        run.cancel()
        run.kill_at_seconds = self._timers.now().seconds + grace_seconds
        run.timer = self._timers.at(run.kill_at_seconds, lambda: self._end(run, Exit(KILLED_CODE)))
        self._nursery.start_soon(self._leave, run, hook)

    async def _leave(self, run: Run, hook: Hook) -> None:
        """What a container does before it is told to end (upstream: executePreStopHook)."""
        from k8slite.kubelet.runtimes import reaching

        complaint = await reaching.hook_complaint(run, hook, self._timers, self.network)
        if complaint and run.ended is None:
            self._report(PreStopFailed(run.config.key))
        if run.ended is None and run.kill_at_seconds is not None:
            left_seconds = run.kill_at_seconds - self._timers.now().seconds
            run.kill_at_seconds = None
            self._terminate(run, max(left_seconds, LEAST_GRACE_SECONDS))

    def _terminate(self, run: Run, grace_seconds: float) -> None:
        """SIGTERM, and when the grace is over SIGKILL."""
        now = self._timers.now()
        stop_seconds, stop_code = run.script.stop_seconds, run.script.stop_code
        if run.process is not None:
            run.process.terminate()
            stop_seconds = math.inf if run.process.minds else 0.0
            stop_code = TERMINATED_CODE
        killed = stop_seconds > grace_seconds
        at = now.seconds + min(stop_seconds, grace_seconds)
        if run.kill_at_seconds is None:
            self._note(run, now, "SIGTERM")
        elif at >= run.kill_at_seconds:
            return
        run.kill_at_seconds = at
        run.cancel()
        end = Exit(KILLED_CODE) if killed else Exit(stop_code)
        if at <= now.seconds:
            self._end(run, end)
        else:
            run.timer = self._timers.at(at, lambda: self._end(run, end))

    def leave(self, pod: Pod) -> None:
        script = self._scripting(pod, pod.spec.containers[0]).script
        self._leaving.begin(pod, script, self._runs.get(pod.metadata.uid, {}).values())

    def change(self, config: ContainerConfig) -> None:
        run = self._runs.get(config.key.pod_uid, {}).get(config.key.name)
        if run is None or told_by(run.config.pod) == told_by(config.pod):
            return
        behaviour = self._scripting(config.pod, config.container)
        run.leave_command()
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
        run.leave_command()
        run.steps = steps
        self._play(run, self._timers.now().seconds)
        run.wake()
        return True

    def forget(self, pod_uid: str) -> None:
        now = self._timers.now()
        self._leaving.forget(pod_uid)
        for name, run in self._runs.pop(pod_uid, {}).items():
            run.cancel()
            if run.ended is None:
                run.ended = now
            run.leave()
            self._previous.pop(ContainerKey(pod_uid, name), None)
            self._failed_pulls.pop(ContainerKey(pod_uid, name), None)

    def inspect(self, pod_uid: str) -> list[RunningContainer]:
        return [
            RunningContainer(name, run.id, run.config.attempt)
            for name, run in self._running(pod_uid)
        ]

    def usage(self, pod_uid: str) -> list[ContainerUsage]:
        return [
            ContainerUsage(name, run.script.cpu_milli, run.script.memory_bytes)
            for name, run in self._running(pod_uid)
        ]

    def _running(self, pod_uid: str) -> list[tuple[str, Run]]:
        runs = sorted(self._runs.get(pod_uid, {}).items())
        return [(name, run) for name, run in runs if run.began and not run.ended]

    def log(self, key: ContainerKey, options: LogOptions) -> bytes | Stream:
        run = self._runs.get(key.pod_uid, {}).get(key.name)
        if options.previous or run is None or run.began is None:
            run = self._previous.get(key)
        if run is None or run.began is None:
            raise LogNotFound(key.name)
        if options.follow and run.ended is None:
            return Followed(run, self._timers, options)
        lines = selected(log_lines(run, self._timers.now()), options)
        return printed(lines, options)[: options.limit_bytes]

    async def exec(self, key: ContainerKey, command: Sequence[str], session: Session) -> int:
        from k8slite.kubelet.runtimes import reaching  # a start pays nothing for it

        run = self._live(key)
        return await reaching.run_in(run, command, session, self._timers, self.network)

    async def attach_to(self, key: ContainerKey, session: Session) -> int:
        from k8slite.kubelet.runtimes import reaching

        return await reaching.attach_to(self._live(key), session, self._timers)

    async def forward(self, pod_uid: str, port: int, duplex: Duplex) -> None:
        live = [run for _, run in self._running(pod_uid)]
        if not live:
            raise ConnectionRefusedError("the pod does not run")
        address = self.address_of(pod_uid)
        if address:
            await connected(address, port, duplex)
            return
        from k8slite.kubelet.runtimes import reaching

        await reaching.forward(live[0], port, duplex, self.network)

    async def request(self, address: str, port: int, request: Request, *, tls: bool) -> Response:
        return await self.network.call(address, port, request, tls=tls)

    def _live(self, key: ContainerKey) -> Run:
        run = self._runs.get(key.pod_uid, {}).get(key.name)
        if run is None or run.began is None or run.ended is not None:
            raise ExecFailed(f'container "{key.name}" is not running')
        return run

    def _new_run(self, config: ContainerConfig, script: Script) -> Run:
        runs = self._runs.setdefault(config.key.pod_uid, {})
        last = runs.get(config.key.name)
        if last is not None:
            last.cancel()
            if last.began is not None:
                self._previous[config.key] = last
        run = runs[config.key.name] = Run(config, script, script.of_run(config.attempt))
        return run

    def _pull(self, run: Run) -> None:
        run.timer = None
        key, script = run.config.key, run.script
        failed = self._failed_pulls.get(key, 0)
        if script.pull_error and (script.pull_errors is None or failed < script.pull_errors):
            self._failed_pulls[key] = failed + 1
            self._report(PullFailed(key, script.pull_error))
            return
        container = run.config.container
        present = container.image_pull_policy != "Always" and not script.pull_seconds
        fetched, seconds = image_id(container.image), script.pull_seconds
        self._report(Pulled(key, fetched, present, seconds, IMAGE_BYTES))
        if script.start_seconds:
            run.timer = self._timers.after(script.start_seconds, lambda: self._begin(run))
        else:
            self._begin(run)

    def _begin(self, run: Run) -> None:
        run.began = now = self._timers.now()
        config = run.config
        run.id = container_id(self.name, config, now)
        container = config.container
        self._note(run, now, f"{container.name} starts, run {config.attempt} of {container.image}")
        hook = container.lifecycle.post_start
        # Who plays a script does not know what a command would do.
        run.hooking = hook is not None and (run.hosted or hook.exec is None)
        self._report(Started(config.key, run.id, run.hooking))
        if hook is None or not run.hooking or run.hosted or run.ended is not None:
            self._play(run, now.seconds)
            return
        assert self._nursery is not None
        run.origin_seconds = now.seconds
        self._open_ports(run)
        self._nursery.start_soon(self._begin_with_hook, run, hook)

    def _play(self, run: Run, origin_seconds: float) -> None:
        """Report what has been due since the steps began, and wait for what will be."""
        run.cancel()
        run.origin_seconds = origin_seconds
        if run.hosted:
            self._host(run)
            return
        self._open_ports(run)
        if run.hooking:  # whatever it was doing, it does something else now
            run.hooking = False
            self._report(Hooked(run.config.key, run.id, ok=True))
        run.agenda = agenda(run.steps, run.config.container)
        run.position = 0
        self._go_on(run)

    def _open_ports(self, run: Run) -> None:
        if (run.config.container.ports or run.script.server) and not run.listeners:
            from k8slite.kubelet.runtimes.ports import open_ports

            open_ports(run, self.network, self._timers)

    async def _begin_with_hook(self, run: Run, hook: Hook) -> None:
        """Play a script once its container counts as running."""
        from k8slite.kubelet.runtimes import reaching

        with trio.CancelScope() as scope:
            run.inside.append(scope)
            complaint = await reaching.hook_complaint(run, hook, self._timers, self.network)
            if run.hooking:
                run.hooking = False
                self._report(Hooked(run.config.key, run.id, ok=not complaint))
                if not complaint and run.ended is None and run.kill_at_seconds is None:
                    self._play(run, run.origin_seconds)
            run.inside.remove(scope)

    def _host(self, run: Run) -> None:
        """Have a container's program run, if it does not yet."""
        from k8slite.kubelet.runtimes.hosting import Hosting  # only programs need it

        assert self._nursery is not None
        if run.process is None:
            if self._hosting is None:
                self._hosting = Hosting(self._timers, self.network)
            self._hosting.prepare(run)
            self._nursery.start_soon(self._hosting.run, run, self._report, self._end)

    def address_of(self, pod_uid: str) -> str:
        """Where a program of a pod really listens; "" where none runs."""
        there = [run.process.address for _, run in self._running(pod_uid) if run.process]
        return next((address for address in there if address), "")

    def _go_on(self, run: Run) -> None:
        run.timer = None
        played = run.agenda
        while run.position < len(played) and run.agenda is played and self._plays(run):
            offset, due = played[run.position]
            at = run.origin_seconds + offset
            # Adding and subtracting floats may lose a nanosecond, and must not lose an event.
            if at > self._timers.now().seconds + 1e-6:
                run.timer = self._timers.at(at, lambda: self._go_on(run))
                return
            run.position += 1
            if isinstance(due, Exit):
                self._end(run, due)
            elif (report := report_of(run, due, at)) is not None:
                self._report(report)

    def _plays(self, run: Run) -> bool:
        """It goes on, if only with what comes after its end: nobody has stopped or replaced it."""
        alone = self._runs.get(run.config.key.pod_uid, {}).get(run.config.key.name) is run
        return run.ended is None or (alone and run.kill_at_seconds is None)

    def _end(self, run: Run, end: Exit) -> None:
        run.cancel()
        now = self._timers.now()
        reason = f", {end.reason}" if end.reason else ""
        self._note(run, now, f"{run.config.container.name} ends with code {end.code}{reason}")
        run.ended = now
        run.leave()
        message = end.message or termination_message(run, end.code, now)
        self._report(Exited(run.config.key, run.id, end.code, end.reason, message))

    def _note(self, run: Run, now: Moment, text: str) -> None:
        if run.script.command:
            return  # what it prints is its log
        run.notes.append(Line(now.date, f"k8slite: {text}"))
        run.wake()
