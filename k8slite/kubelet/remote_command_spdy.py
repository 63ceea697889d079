"""A command's streams over SPDY, as clients that are older than WebSocket open them.

The client opens each stream that it wants, in any order, and names it in the header `streamType`:
stdin, stdout, stderr, resize (of a terminal), and always error, on which a Status says how it
ended. Upstream: `kubelet/pkg/cri/streaming/remotecommand/httpstream.go` and `exec.go`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import trio

from k8slite.kubelet.remote_command import Input, Talk, Wanted, how_it_ended
from k8slite.messages import Duplex, Response
from k8slite.objects.codec import dumps
from k8slite.wire.spdy import Data, NotSpdy, Opened
from k8slite.wire.spdy_connection import SpdyConnection, accepting

PROTOCOLS: Final = ("v4.channel.k8s.io",)
# How long a client may take to open its streams (upstream: DefaultStreamCreationTimeout).
STREAMS_SECONDS: Final = 30.0
# How long it may take to go when all is said; what it still sends would else cut off what it is
# about to read.
LEAVING_SECONDS: Final = 10.0
_STDIN, _STDOUT, _STDERR, _ERROR, _RESIZE = "stdin", "stdout", "stderr", "error", "resize"


def answer(protocol: str, wanted: Wanted, talk: Talk, command: Sequence[str]) -> Response:
    """The answer that begins the conversation, in which `talk` gives the exit code."""

    async def converse(duplex: Duplex) -> None:
        await _Streams(SpdyConnection(duplex), wanted).run(talk, command)

    return Response(101, b"", accepting(protocol), converse)


class _Streams:
    """One conversation."""

    def __init__(self, spdy: SpdyConnection, wanted: Wanted) -> None:
        self._spdy = spdy
        self._wanted = wanted
        self._input = Input()
        asked = {
            _ERROR: True,
            _STDIN: wanted.stdin,
            _STDOUT: wanted.stdout,
            _STDERR: wanted.stderr,
            _RESIZE: wanted.tty,
        }
        self._missing = [kind for kind, is_wanted in asked.items() if is_wanted]
        self._by_kind: dict[str, int] = {}
        self._complete = trio.Event()
        self._gone = trio.Event()

    async def run(self, talk: Talk, command: Sequence[str]) -> None:
        """Until the command has ended, or the client has gone."""
        async with trio.open_nursery() as nursery:
            talking = trio.CancelScope()
            nursery.start_soon(self._receive, talking)
            with talking:
                with trio.move_on_after(STREAMS_SECONDS):
                    await self._complete.wait()
                if self._complete.is_set():
                    await self._converse(talk, command)
            nursery.cancel_scope.cancel()

    async def _converse(self, talk: Talk, command: Sequence[str]) -> None:
        if not self._wanted.stdin:
            self._input.end()
        session = self._input.session(self._write, self._wanted.tty)
        status = await how_it_ended(talk(session), command)
        self._input.forget()
        await self._spdy.send(self._by_kind[_ERROR], dumps(status))
        for stream in self._by_kind.values():
            await self._spdy.end(stream)
        await self._spdy.leave()
        with trio.move_on_after(LEAVING_SECONDS):
            await self._gone.wait()

    async def _write(self, data: bytes, error: bool) -> None:
        # A terminal has one output.
        stream = self._by_kind.get(_STDERR if error and not self._wanted.tty else _STDOUT)
        if data and stream is not None:
            await self._spdy.send(stream, data)

    async def _receive(self, talking: trio.CancelScope) -> None:
        try:
            while (frame := await self._spdy.receive()) is not None:
                if isinstance(frame, Opened):
                    await self._open(frame)
                elif isinstance(frame, Data):
                    await self._take(frame)
                elif frame.stream == self._by_kind.get(_STDIN):
                    self._input.end()
        except NotSpdy:
            pass  # nobody is there to be told in words
        self._input.end()
        self._gone.set()
        talking.cancel()

    async def _open(self, frame: Opened) -> None:
        kind = frame.headers.get("streamtype", "")
        if kind not in self._missing:
            raise NotSpdy(f"a stream of type {kind!r}, which was not asked for")
        self._missing.remove(kind)
        self._by_kind[kind] = frame.stream
        await self._spdy.accept(frame.stream)
        if not self._missing:
            self._complete.set()

    async def _take(self, frame: Data) -> None:
        if frame.stream == self._by_kind.get(_STDIN):
            if frame.payload:
                await self._input.give(frame.payload)
            if frame.ended:
                self._input.end()
        elif frame.stream == self._by_kind.get(_RESIZE):
            for line in frame.payload.splitlines():
                self._input.resize(line)
