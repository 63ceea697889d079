"""Where a command's streams go to and come from (POSIX, 2.7), and pipes between commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from k8slite.kubelet.runtimes.box import Box, ReadOnly
from k8slite.kubelet.runtimes.session import Session, given
from k8slite.kubelet.runtimes.shell.expansion import Expansion
from k8slite.kubelet.runtimes.shell.state import NoStream, State
from k8slite.kubelet.runtimes.shell.tree import Redirect

Write = Callable[[bytes], Awaitable[None]]


async def redirected(
    state: State, redirects: tuple[Redirect, ...], expansion: Expansion
) -> Session:
    """The shell's streams with some of them elsewhere. Raises NoStream."""
    session = state.session
    sinks: dict[int, Write] = {1: session.write, 2: session.write_error}
    for one in redirects:
        target = await expansion.text(one.target)
        if one.operator == "<<":
            session = session.reading(given(target.encode()))
        elif one.operator == "<":
            path = state.box.path(target)
            content = b"" if path == "/dev/null" else state.box.files.get(path)
            if content is None:
                raise NoStream(f"can't open {target}: no such file")
            session = session.reading(given(content))
        elif one.operator == ">&":
            if target.isdecimal():
                sinks[one.descriptor] = sinks.get(int(target), _nowhere)
            elif target != "-":
                sinks[1] = sinks[2] = _into(state.box, target, appends=False)
        elif one.operator in (">", ">>"):
            sinks[one.descriptor] = _into(state.box, target, appends=one.operator == ">>")
    output, errors = sinks[1], sinks[2]

    async def write(data: bytes, error: bool) -> None:
        await (errors(data) if error else output(data))

    return session.writing(write)


def piped(
    send: trio.MemorySendChannel[bytes], session: Session
) -> Callable[[bytes, bool], Awaitable[None]]:
    """What writes into a pipe, but for errors."""

    async def write(data: bytes, error: bool) -> None:
        if error:
            await session.write_error(data)
        elif data:
            await send.send(data)

    return write


async def _nowhere(data: bytes) -> None: ...


def _into(box: Box, target: str, *, appends: bool) -> Write:
    """Into a file. Raises NoStream."""
    path = box.path(target)
    if path == "/dev/null":
        return _nowhere
    try:
        if not appends or path not in box.files:
            box.write(path, b"")
    except ReadOnly as error:
        raise NoStream(f"can't create {target}: {error}") from None

    async def write(data: bytes) -> None:
        try:
            box.write(path, box.files.get(path, b"") + data)
        except ReadOnly as error:
            raise NoStream(f"write error: {error}") from None

    return write
