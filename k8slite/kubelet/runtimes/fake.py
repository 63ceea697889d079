"""Containers that only pretend: each plays a script, which `annotations` reads from its pod.

Images are always there. A container costs a timer only while something is still to happen to it;
its log is computed when it is read. A change of the pod's `k8slite.dev/` annotations while the
container runs makes it play the new script from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import trio

from k8slite.kubelet.pod import Container, Pod
from k8slite.kubelet.runtimes.annotations import Behaviour, behaviour_of, told_by
from k8slite.kubelet.runtimes.container_log import printed, selected
from k8slite.kubelet.runtimes.fake_run import (
    Followed,
    Run,
    log_lines,
)
from k8slite.kubelet.runtimes.leaving import Leaving
from k8slite.kubelet.runtimes.network import Network, Routes
from k8slite.kubelet.runtimes.playing import Player
from k8slite.kubelet.runtimes.program import connected
from k8slite.kubelet.runtimes.runtime import (
    Complained,
    ContainerConfig,
    ContainerKey,
    ContainerUsage,
    Exited,
    LogNotFound,
    LogOptions,
    Report,
    RunningContainer,
)
from k8slite.kubelet.runtimes.script import Script, Step
from k8slite.kubelet.runtimes.session import ExecFailed, Session
from k8slite.kubelet.timers import Moment, Timers
from k8slite.messages import Duplex, Request, Response, Stream

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
        self.network = Network()
        self._player = Player(
            self.name, timers, self.network, lambda report: self._report(report), self._replaced
        )
        self._leaving = Leaving(timers, lambda report: self._report(report))

    def attach(self, report: Callable[[Report], None]) -> None:
        self._report = report

    def route(self, routes: Routes) -> None:
        self.network.routes = routes

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as self._player.nursery:
            task_status.started()
            await trio.sleep_forever()

    def start(self, config: ContainerConfig) -> None:
        key = config.key
        behaviour = self._scripting(config.pod, config.container)
        script = behaviour.script
        if config.attempt == 0 and self._player.first(key):
            for complaint in behaviour.complaints:
                self._report(Complained(key, complaint))
        self._player.start(self._new_run(config, script))

    def adopt(self, config: ContainerConfig, container_id: str, age_seconds: float) -> bool:
        if not container_id.startswith(f"{self.name}://"):
            return False
        run = self._new_run(config, self._scripting(config.pod, config.container).script)
        now = self._timers.now()
        run.id = container_id
        run.taken_up_seconds = now.seconds
        run.began = Moment(now.seconds - age_seconds, now.date - timedelta(seconds=age_seconds))
        self._player.play(run, run.began.seconds)
        return True

    def stop(self, key: ContainerKey, grace_seconds: float) -> None:
        run = self._runs.get(key.pod_uid, {}).get(key.name)
        if run is None or run.ended is not None:
            return
        if run.began is not None:
            self._player.stop(run, grace_seconds)
            return
        run.cancel()
        del self._runs[key.pod_uid][key.name]
        self._report(Exited(key, "", 0))

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
            self._player.play(run, self._timers.now().seconds)
            run.wake()

    def play(self, key: ContainerKey, steps: tuple[Step, ...]) -> bool:
        """Have a running container do something else from now on; False if it does not run."""
        run = self._runs.get(key.pod_uid, {}).get(key.name)
        if run is None or run.began is None or run.ended or run.kill_at_seconds is not None:
            return False
        run.leave_command()
        run.steps = steps
        self._player.play(run, self._timers.now().seconds)
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
            self._player.forget(ContainerKey(pod_uid, name))

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

    def _replaced(self, run: Run) -> bool:
        key = run.config.key
        return self._runs.get(key.pod_uid, {}).get(key.name) is not run

    def _new_run(self, config: ContainerConfig, script: Script) -> Run:
        runs = self._runs.setdefault(config.key.pod_uid, {})
        last = runs.get(config.key.name)
        if last is not None:
            last.cancel()
            if last.began is not None:
                self._previous[config.key] = last
        run = runs[config.key.name] = Run(config, script, script.of_run(config.attempt))
        return run

    def address_of(self, pod_uid: str) -> str:
        """Where a program of a pod really listens; "" where none runs."""
        there = [run.process.address for _, run in self._running(pod_uid) if run.process]
        return next((address for address in there if address), "")
