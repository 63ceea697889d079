"""One pretending container from its image to its end: pull, begin, play the script, be stopped.

Which containers there are is `fake`'s to know; what happens in one goes on here, and is reported as
it happens. It costs a timer only while something is still to come, a task only for programs and
hooks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import trio

from k8slite.kubelet.pod import Hook
from k8slite.kubelet.runtimes.container_log import Line
from k8slite.kubelet.runtimes.fake_run import Run, container_id, report_of, termination_message
from k8slite.kubelet.runtimes.images import IMAGE_BYTES, image_id
from k8slite.kubelet.runtimes.network import Network
from k8slite.kubelet.runtimes.program import TERMINATED_CODE
from k8slite.kubelet.runtimes.runtime import (
    ContainerKey,
    Exited,
    Hooked,
    PreStopFailed,
    Pulled,
    PullFailed,
    Report,
    Started,
)
from k8slite.kubelet.runtimes.script import KILLED_CODE, Exit, agenda
from k8slite.kubelet.timers import Moment, Timers

if TYPE_CHECKING:
    from k8slite.kubelet.runtimes.hosting import Hosting

LEAST_GRACE_SECONDS: Final = 2.0  # after a hook (upstream: minimumGracePeriodInSeconds)


class Player:
    """Plays runs; `report` hears of all, `replaced` says that a run is its container's no more."""

    def __init__(
        self,
        scheme: str,
        timers: Timers,
        network: Network,
        report: Callable[[Report], None],
        replaced: Callable[[Run], bool],
    ) -> None:
        self.nursery: trio.Nursery | None = None  # of the programs and hooks
        self._scheme = scheme  # of container IDs
        self._timers = timers
        self._network = network
        self._report = report
        self._replaced = replaced
        self._failed_pulls: dict[ContainerKey, int] = {}
        self._hosting: Hosting | None = None  # once there was a program

    def first(self, key: ContainerKey) -> bool:
        """Nothing of the container has failed to come yet."""
        return key not in self._failed_pulls

    def forget(self, key: ContainerKey) -> None:
        """The container will not come again."""
        self._failed_pulls.pop(key, None)

    def start(self, run: Run) -> None:
        """Get its image, however long that takes, and begin."""
        seconds = run.script.pull_seconds
        if seconds:
            run.timer = self._timers.after(seconds, lambda: self._pull(run))
        else:
            self._pull(run)

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
        run.id = container_id(self._scheme, config, now)
        container = config.container
        self._note(run, now, f"{container.name} starts, run {config.attempt} of {container.image}")
        hook = container.lifecycle.post_start
        # Who plays a script does not know what a command would do.
        run.hooking = hook is not None and (run.hosted or hook.exec is None)
        self._report(Started(config.key, run.id, run.hooking))
        if hook is None or not run.hooking or run.hosted or run.ended is not None:
            self.play(run, now.seconds)
            return
        assert self.nursery is not None
        run.origin_seconds = now.seconds
        self._open_ports(run)
        self.nursery.start_soon(self._begin_with_hook, run, hook)

    def play(self, run: Run, origin_seconds: float) -> None:
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
        return run.ended is None or (not self._replaced(run) and run.kill_at_seconds is None)

    def stop(self, run: Run, grace_seconds: float) -> None:
        """Let it do what it does before it ends, and end it; at the latest when the grace is over.

        Only for one that has begun and not ended.
        """
        hook = run.config.container.lifecycle.pre_stop
        if hook is None or run.kill_at_seconds is not None or grace_seconds <= 0:
            self._terminate(run, grace_seconds)
            return
        assert self.nursery is not None
        run.cancel()
        run.kill_at_seconds = self._timers.now().seconds + grace_seconds
        run.timer = self._timers.at(run.kill_at_seconds, lambda: self._end(run, Exit(KILLED_CODE)))
        self.nursery.start_soon(self._leave, run, hook)

    async def _leave(self, run: Run, hook: Hook) -> None:
        """What a container does before it is told to end (upstream: executePreStopHook)."""
        from k8slite.kubelet.runtimes import reaching

        complaint = await reaching.hook_complaint(run, hook, self._timers, self._network)
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

    async def _begin_with_hook(self, run: Run, hook: Hook) -> None:
        """Play a script once its container counts as running."""
        from k8slite.kubelet.runtimes import reaching

        with trio.CancelScope() as scope:
            run.inside.append(scope)
            complaint = await reaching.hook_complaint(run, hook, self._timers, self._network)
            if run.hooking:
                run.hooking = False
                self._report(Hooked(run.config.key, run.id, ok=not complaint))
                if not complaint and run.ended is None and run.kill_at_seconds is None:
                    self.play(run, run.origin_seconds)
            run.inside.remove(scope)

    def _open_ports(self, run: Run) -> None:
        if (run.config.container.ports or run.script.server) and not run.listeners:
            from k8slite.kubelet.runtimes.ports import open_ports

            open_ports(run, self._network, self._timers)

    def _host(self, run: Run) -> None:
        """Have a container's program run, if it does not yet."""
        from k8slite.kubelet.runtimes.hosting import Hosting  # only programs need it

        assert self.nursery is not None
        if run.process is None:
            if self._hosting is None:
                self._hosting = Hosting(self._timers, self._network)
            self._hosting.prepare(run)
            self.nursery.start_soon(self._hosting.run, run, self._report, self._end)

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
