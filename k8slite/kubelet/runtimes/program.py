"""A container that is a coroutine: it really runs, in this process, at an address of its own.

    async def web(process: Process) -> None:
        process.log("up")
        await trio.serve_tcp(handle, 8080, host=process.address)

What it returns is its exit code (None: 0); what it raises is in its log, and the code is 1. When
it is to stop it is cancelled at once and its code is 143 (as of SIGTERM), unless it has asked for
`stopping`, which is then set: it has its grace period to end by itself, else its code is 137.

The address is on the loopback: 127, a number of the cluster, and the last two of the pod's own, so
that a pod that is known as 10.244.1.5 is reached at 127.N.1.5.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import trio
from attrs import define, field

from k8slite.kubelet.runtimes.script import Exit
from k8slite.kubelet.runtimes.session import Session
from k8slite.messages import Duplex
from k8slite.wire.limits import READ_BYTES

TERMINATED_CODE = 143  # 128 and SIGTERM
Command = Callable[[Sequence[str], Session], Awaitable[int]]


class Input(Protocol):
    """What is typed."""

    async def read(self) -> bytes:
        """The next piece; b"" at its end."""
        ...


@define(eq=False)
class Process:
    """What a program knows of the container that it is."""

    namespace: str
    pod: str
    container: str
    image: str
    address: str  # where it may listen, as nobody else may; "" for an interpreted command
    command: tuple[str, ...]  # the container's command and args
    environment: dict[str, str]
    emit: Callable[[str], None]  # how a line gets into its log
    stdin: Input | None = None  # what is typed into it, if the container's spec has `stdin`
    # Answers exec instead of the few commands that pretended containers know; a program sets it.
    on_exec: Command | None = None
    _stopping: trio.Event = field(factory=trio.Event)
    _minds: bool = False

    @property
    def stopping(self) -> trio.Event:
        """Set when it is to end. Who has asked for it once is not cancelled, but given time."""
        self._minds = True
        return self._stopping

    @property
    def minds(self) -> bool:
        """Whether it wants to be told that it is to end."""
        return self._minds

    def terminate(self) -> None:
        """It is to end."""
        self._stopping.set()

    async def read(self) -> bytes:
        """What is typed into it next (`kubectl attach -i`, `kubectl run -i`); b"" at its end.

        At once b"" where the container's spec has no `stdin`.
        """
        return await self.stdin.read() if self.stdin is not None else b""

    def log(self, text: str) -> None:
        """Print lines, for `kubectl logs`."""
        for line in text.splitlines() or [""]:
            self.emit(line)


Program = Callable[[Process], Awaitable[int | None]]


async def ended(program: Program, process: Process) -> Exit:
    """Run it to its end."""
    try:
        return Exit(int(await program(process) or 0))
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
        return Exit(code & 0xFF)
    except Exception:
        import traceback

        process.log(traceback.format_exc())
        return Exit(1)


async def connected(address: str, port: int, duplex: Duplex) -> None:
    """Connect somebody with a port of it until either end has had enough. Raises OSError."""
    stream = await trio.open_tcp_stream(address, port)

    async def there() -> None:
        while piece := await duplex.receive():
            await stream.send_all(piece)
        await stream.send_eof()

    async def back(scope: trio.CancelScope) -> None:
        while piece := await stream.receive_some(READ_BYTES):
            await duplex.send(bytes(piece))
        scope.cancel()

    async with stream:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(there)
                await back(nursery.cancel_scope)
        except* trio.BrokenResourceError:
            pass  # one of them has gone, as peers do
