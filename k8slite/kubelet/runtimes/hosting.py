"""Where programs run: each in a task of its own, with its probes beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio
from attrs import define, field

from k8slite.kubelet.runtimes import reaching
from k8slite.kubelet.runtimes.container_log import Line
from k8slite.kubelet.runtimes.fake_run import Run
from k8slite.kubelet.runtimes.network import Network
from k8slite.kubelet.runtimes.pretending import box_of
from k8slite.kubelet.runtimes.probing import Prober
from k8slite.kubelet.runtimes.program import Process, Program, ended
from k8slite.kubelet.runtimes.runtime import Hooked, Probed, ProbeKind, Report
from k8slite.kubelet.runtimes.script import Exit
from k8slite.kubelet.runtimes.session import nowhere
from k8slite.kubelet.runtimes.terminal import Terminal
from k8slite.kubelet.timers import Timers

# Numbers of clusters in the addresses 127.N.x.y; 0 and 255 are left to others.
_NUMBERS: Final = range(1, 255)


@define(eq=False)
class Hosting:
    """Runs the programs of a cluster's containers."""

    timers: Timers
    network: Network
    # By chance, so that clusters beside each other rarely meet; the address says which it is.
    _number: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._number = self.timers.chance.choice(_NUMBERS)

    async def run(
        self, run: Run, report: Callable[[Report], None], end: Callable[[Run, Exit], None]
    ) -> None:
        """Be a container that `prepare` has made, until its program ends or it is killed; `end`
        is told how."""
        container, process = run.config.container, run.process
        assert process is not None
        program = run.script.program or self._interpreter(run)
        with trio.CancelScope() as killed:
            run.inside.append(killed)
            async with trio.open_nursery() as nursery:

                def tell(kind: ProbeKind, ok: bool, message: str) -> None:
                    report(Probed(run.config.key, run.id, kind, ok, message))

                async def watch_over() -> None:
                    if run.hooking:
                        ok = await self._hook(run)
                        run.hooking = False
                        report(Hooked(run.config.key, run.id, ok))
                        if not ok:
                            return
                    reach = reaching.way_to(run, self.network)
                    command = reaching.command_of(run, self.timers, self.network)
                    await Prober(container, reach, command, tell).probe()

                nursery.start_soon(watch_over)
                how = await ended(program, process)
                nursery.cancel_scope.cancel()
            if run.ended is None:
                end(run, how)
        if killed in run.inside:
            run.inside.remove(killed)

    def prepare(self, run: Run) -> None:
        """Make what others reach of a container, before it does anything."""
        process = run.process = self._process(run)
        if run.config.container.stdin:
            run.terminal = Terminal(run.config.container)
            if run.script.program is not None:
                process.stdin = run.terminal.session(nowhere)

    async def _hook(self, run: Run) -> bool:
        """What a container does when it has started; whether that succeeds."""
        await trio.lowlevel.checkpoint()
        hook = run.config.container.lifecycle.post_start
        assert hook is not None
        return not await reaching.hook_complaint(run, hook, self.timers, self.network)

    def _interpreter(self, run: Run) -> Program:
        from k8slite.kubelet.runtimes.interpreting import interpreter

        assert run.box is not None
        return interpreter(run.script.command, run.box, run.terminal)

    def _process(self, run: Run) -> Process:
        pod, container = run.config.pod, run.config.container
        run.box = box_of(run.config, self.timers.date, self.network)

        def log(text: str) -> None:
            run.notes.append(Line(self.timers.now().date, text))
            run.wake()

        return Process(
            pod.metadata.namespace,
            pod.metadata.name,
            container.name,
            container.image,
            self._address(run.config.addresses) if run.script.program is not None else "",
            (*container.command, *container.args),
            dict(run.box.environment),
            log,
        )

    def _address(self, addresses: tuple[str, ...]) -> str:
        parts = addresses[0].split(".") if addresses else []
        return f"127.{self._number}.{parts[2]}.{parts[3]}" if len(parts) == 4 else "127.0.0.1"
