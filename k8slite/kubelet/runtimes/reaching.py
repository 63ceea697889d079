"""Reaching into a pretended container that runs: commands, its own streams, its ports.

What is going on in a container ends with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import trio

from k8slite.kubelet.runtimes import pretending
from k8slite.kubelet.runtimes.fake_run import Run, show_log
from k8slite.kubelet.runtimes.script import KILLED_CODE
from k8slite.kubelet.runtimes.session import Session
from k8slite.kubelet.timers import Timers
from k8slite.messages import Duplex


async def run_in(run: Run, command: Sequence[str], session: Session, timers: Timers) -> int:
    """Run a command in it; returns its exit code. Raises ExecFailed."""
    if run.box is None:
        run.box = pretending.box_of(run.config, timers.date)
    with trio.CancelScope() as scope:
        run.inside.append(scope)
        try:
            if run.process is not None and run.process.on_exec is not None:
                return await run.process.on_exec(command, session)
            return await pretending.run(command, run.script, run.box, session)
        finally:
            run.inside.remove(scope)
    return KILLED_CODE


async def attach_to(run: Run, session: Session, timers: Timers) -> int:
    """Be connected with its own streams until it ends; its exit code."""
    async with trio.open_nursery() as nursery:
        if run.terminal is not None:
            nursery.start_soon(run.terminal.listen, session)
        if run.terminal is not None and run.script.command:
            with trio.CancelScope() as scope:
                run.inside.append(scope)
                await run.terminal.show(session)
        else:
            await show_log(run, timers, session)
        nursery.cancel_scope.cancel()
    return 0


async def forward(live: Sequence[Run], port: int, duplex: Duplex) -> None:
    """Connect with a port of a pod, whose containers that run are given. Raises OSError."""
    scripts = {run.config.key.name: run.script for run in live}
    with trio.CancelScope() as scope:
        live[0].inside.append(scope)
        try:
            await pretending.serve(live[0].config.pod, port, scripts, duplex)
        finally:
            live[0].inside.remove(scope)
