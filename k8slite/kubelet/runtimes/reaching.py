"""Reaching into a pretended container that runs: commands, its own streams, its ports.

What is going on in a container ends with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import trio

from k8slite.kubelet.pod import Hook
from k8slite.kubelet.runtimes import commands, hooks, pretending
from k8slite.kubelet.runtimes.fake_run import Run, show_log
from k8slite.kubelet.runtimes.hooks import RunIn
from k8slite.kubelet.runtimes.network import Network
from k8slite.kubelet.runtimes.reach import OverSockets, Reach, Within
from k8slite.kubelet.runtimes.script import KILLED_CODE
from k8slite.kubelet.runtimes.session import ExecFailed, Session, nothing
from k8slite.kubelet.timers import Timers
from k8slite.messages import Duplex


async def run_in(
    run: Run, command: Sequence[str], session: Session, timers: Timers, network: Network
) -> int:
    """Run a command in it; returns its exit code. Raises ExecFailed."""
    if run.box is None:
        run.box = pretending.box_of(run.config, timers.date, network)
    with trio.CancelScope() as scope:
        run.inside.append(scope)
        try:
            if run.process is not None and run.process.on_exec is not None:
                return await run.process.on_exec(command, session)
            return await pretending.run(command, run.script, run.box, session)
        finally:
            run.inside.remove(scope)
    return KILLED_CODE


def command_of(run: Run, timers: Timers, network: Network) -> RunIn:
    """Runs commands in it as a node does, for probes and hooks, and keeps what they print.

    What a pretended container does not know succeeds.
    """

    async def command(words: tuple[str, ...]) -> tuple[int, str]:
        printed = bytearray()

        async def write(data: bytes, error: bool) -> None:
            if len(printed) < _PRINTED_MOST_BYTES:
                printed.extend(data)

        try:
            code = await run_in(run, words, nothing(write), timers, network)
        except ExecFailed as failed:
            known = run.script.program is not None
            return (commands.NOT_FOUND, str(failed)) if known else (0, "")
        return code, bytes(printed[:_PRINTED_MOST_BYTES]).decode(errors="replace")

    return command


def way_to(run: Run, network: Network) -> Reach:
    """How its node gets at its ports."""
    if run.process is not None and run.process.address:
        return OverSockets(run.process.address)
    return Within(network, run.address)


async def hook_complaint(run: Run, hook: Hook, timers: Timers, network: Network) -> str:
    """Do what a hook of it says: why that has failed, "" where it has not."""
    reach, command = way_to(run, network), command_of(run, timers, network)
    return await hooks.hook_complaint(hook, run.config.container, reach, command)


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


async def forward(run: Run, port: int, duplex: Duplex, network: Network) -> None:
    """Connect with a port of its pod. Raises ConnectionRefusedError."""
    try:
        network.find(run.address, port)
    except ConnectionRefusedError:
        raise ConnectionRefusedError(
            f"error forwarding port {port} to pod {run.config.key.pod_uid}, uid : failed to "
            f"connect to localhost:{port} inside namespace: dial tcp4 127.0.0.1:{port}: connect: "
            "connection refused"
        ) from None
    await network.converse(run.address, port, duplex)


# Of what a probe prints (upstream: maxReadLength, 10 KiB).
_PRINTED_MOST_BYTES: Final = 10 * 1024
