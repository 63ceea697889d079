"""Containers whose command is one that pretended containers know: it is run, in the clock's time.

A pod with `command: [sh, -c, "echo hi; sleep 5; exit 3"]` prints hi and fails after five seconds.
That needs every command of it to be known (`commands`, `shell`); otherwise the container does what
one without a command does. Arguments without a command are taken for one, as for images without an
entry point. SIGTERM ends it at once with code 143 (as under an init process), unless it traps TERM
or is a server that ends in its own way.
"""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache

import trio

from k8slite.kubelet.runtimes.box import Box
from k8slite.kubelet.runtimes.commands.agnhost import AGNHOST, SUBCOMMANDS
from k8slite.kubelet.runtimes.commands.table import (
    COMMANDS,
    SHELLS,
    run_known,
    script_of,
    shell_of,
)
from k8slite.kubelet.runtimes.program import Process
from k8slite.kubelet.runtimes.session import nothing
from k8slite.kubelet.runtimes.shell.parser import parsed
from k8slite.kubelet.runtimes.shell.tree import NotShell
from k8slite.kubelet.runtimes.shell.understanding import traps, understood
from k8slite.kubelet.runtimes.terminal import Terminal


@lru_cache(maxsize=1024)
def is_understood(command: tuple[str, ...]) -> bool:
    """Whether all of a command is known."""
    return _is_known(command)


def is_shell(command: tuple[str, ...]) -> bool:
    """Whether a command is a shell that runs what is typed into it."""
    return posixpath.basename(command[0]) in SHELLS and script_of(command) == (None, [])


def interpreter(
    command: Sequence[str], box: Box, terminal: Terminal | None
) -> Callable[[Process], Awaitable[int]]:
    """A program that runs an understood command; what it prints is its log.

    Whoever is attached to its terminal sees it too, piece by piece, and types into its stdin.
    """

    async def program(process: Process) -> int:
        lines = {False: _Lines(process), True: _Lines(process)}

        async def write(data: bytes, error: bool) -> None:
            lines[error].add(data)
            if terminal is not None:
                await terminal.write(data, error)

        def stopping() -> trio.Event:
            return process.stopping

        session = (
            nothing(write, stopping) if terminal is None else terminal.session(write, stopping)
        )
        try:
            if posixpath.basename(command[0]) not in SHELLS:
                return await run_known(command, box, session) or 0
            text, arguments = script_of(command)
            if text is None:
                return await run_known(command, box, session) or 0
            shell = shell_of(command, box, session)
            if not traps(parsed(text)):
                return await shell.main(text, arguments or ["sh"])
            async with trio.open_nursery() as nursery:

                async def mind() -> None:
                    await process.stopping.wait()
                    shell.signalled("TERM")

                nursery.start_soon(mind)
                code = await shell.main(text, arguments or ["sh"])
                nursery.cancel_scope.cancel()
            return code
        finally:
            for one in lines.values():
                one.end()

    return program


def _is_known(command: Sequence[str]) -> bool:
    name = posixpath.basename(command[0]) if command else ""
    if name in AGNHOST:
        return command[1:2] == [] or command[1] in SUBCOMMANDS
    if name not in SHELLS:
        return name in COMMANDS
    text, _ = script_of(command)
    if text is None or text == "$":
        return False
    try:
        return understood(parsed(text), _is_known)
    except NotShell:
        return False


class _Lines:
    """Makes lines of a log of what is printed piece by piece."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._begun = b""

    def add(self, data: bytes) -> None:
        *whole, self._begun = (self._begun + data).split(b"\n")
        for line in whole:
            self._process.emit(line.decode(errors="replace"))

    def end(self) -> None:
        if self._begun:
            self._process.emit(self._begun.decode(errors="replace"))
            self._begun = b""
