"""A command's streams over one WebSocket: channels, as the first byte of each message says.

    0 stdin, 1 stdout, 2 stderr, 3 how it ended (a Status), 4 the terminal's size; and in v5 also
    255: a channel is closed by the client

Upstream: `kubelet/pkg/cri/streaming/remotecommand/websocket.go` and `exec.go`.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import trio
from attrs import frozen

from k8slite.kubelet.runtimes.session import ExecFailed, Session, Size
from k8slite.messages import Duplex, Response
from k8slite.objects.codec import dumps, loads
from k8slite.objects.errors import InternalError
from k8slite.wire.websocket import NORMAL, BrokenRule, WebSocket, accepting

Json = dict[str, Any]

PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
# Pieces of stdin that may wait for the command; then the client's connection waits.
_STDIN_PIECES: Final = 16

Talk = Callable[[Session], Awaitable[int]]


@frozen
class Wanted:
    """Which streams a client asks for."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False


def answer(
    headers: Any, protocol: str, wanted: Wanted, talk: Talk, command: Sequence[str]
) -> Response:
    """The answer that begins the conversation, in which `talk` gives the exit code."""

    async def converse(duplex: Duplex) -> None:
        await _Channels(WebSocket(duplex), wanted).run(talk, command)

    return Response(101, b"", accepting(headers, protocol), converse)


class Input:
    """What a client gives to a command: its stdin, and the sizes of its terminal."""

    def __init__(self) -> None:
        self._stdin, self._given = trio.open_memory_channel[bytes](_STDIN_PIECES)
        self._sizes, self._resized = trio.open_memory_channel[Size](math.inf)

    def session(self, write: Callable[[bytes, bool], Awaitable[None]], tty: bool) -> Session:
        """What the command gets of it; `write` is where its output goes."""
        return Session(self._given, self._resized, write, tty)

    async def give(self, data: bytes) -> None:
        """More of stdin."""
        try:
            await self._stdin.send(data)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            pass  # nobody reads it any more

    def end(self) -> None:
        """Stdin ends; safe to repeat."""
        self._stdin.close()

    def forget(self) -> None:
        """Nobody reads any more: what still comes does not wait."""
        self._given.close()
        self._resized.close()

    def resize(self, payload: bytes) -> None:
        """The terminal's size, as clients write it."""
        try:
            size = loads(payload)
            self._sizes.send_nowait(Size(int(size["Width"]), int(size["Height"])))
        except (ValueError, KeyError, TypeError, trio.BrokenResourceError):
            pass  # upstream ends its reading of sizes there


class _Channels:
    """One conversation."""

    def __init__(self, socket: WebSocket, wanted: Wanted) -> None:
        self._socket = socket
        self._wanted = wanted
        self._input = Input()

    async def run(self, talk: Talk, command: Sequence[str]) -> None:
        """Until the command has ended, or the client has gone."""
        first = STDOUT if self._wanted.stdout else STDERR if self._wanted.stderr else ERROR
        await self._socket.send(bytes((first,)))  # the client's sign that it has begun
        session = self._input.session(self._write, self._wanted.tty)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._receive, nursery.cancel_scope)
            status = await how_it_ended(talk(session), command)
            self._input.forget()
            await self._socket.send(bytes((ERROR,)) + dumps(status))
            await self._socket.close(NORMAL)
            nursery.cancel_scope.cancel()

    async def _write(self, data: bytes, error: bool) -> None:
        wanted = self._wanted
        to_error = error and not wanted.tty  # a terminal has one output
        if data and (wanted.stderr if to_error else wanted.stdout):
            await self._socket.send(bytes((STDERR if to_error else STDOUT,)) + data)

    async def _receive(self, whole: trio.CancelScope) -> None:
        if not self._wanted.stdin:
            self._input.end()
        try:
            while (message := await self._socket.receive()) is not None:
                if message:
                    await self._take(message[0], message[1:])
        except BrokenRule as error:
            await self._socket.close(error.code, str(error))
        self._input.end()
        whole.cancel()

    async def _take(self, channel: int, payload: bytes) -> None:
        if channel == STDIN and payload:
            await self._input.give(payload)
        elif channel == CLOSE and payload[:1] == bytes((STDIN,)):
            self._input.end()
        elif channel == RESIZE:
            self._input.resize(payload)


async def how_it_ended(ending: Awaitable[int], command: Sequence[str]) -> Json:
    """The exit code, or why there is none, as a Status."""
    try:
        code = await ending
    except ExecFailed as error:
        return InternalError(
            f"Internal error occurred: error executing command in container: {error}",
            details={"causes": [{"message": f"error executing command in container: {error}"}]},
        ).status()
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    told = f"error executing command [{' '.join(command)}], exit code {code}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {told}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
