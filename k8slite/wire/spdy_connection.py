"""The server's end of a SPDY connection: streams that a client opens, over any Duplex.

Pings are answered here; what else comes is for who receives. Nothing is known of windows: the
library that Kubernetes' clients use has none either.

An HTTP request asks for it with `Upgrade: SPDY/3.1`, and says in `X-Stream-Protocol-Version` what
the streams are to mean. Upstream: `apimachinery/pkg/util/httpstream`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from k8slite.messages import Duplex
from k8slite.wire.spdy import (
    GOING_AWAY,
    PROTOCOL,
    Data,
    Gone,
    Opened,
    Ping,
    Reset,
    SpdyParser,
    SpdyWriter,
)

_MEANING: Final = "x-stream-protocol-version"
# A frame's length has three bytes; pieces of this size leave others their turn.
_PIECE_BYTES: Final = 1 << 20


def is_asked(headers: Mapping[str, str]) -> bool:
    """Whether a request wants to go on in SPDY."""
    tokens = {one.strip() for one in headers.get("connection", "").lower().split(",")}
    return "upgrade" in tokens and headers.get("upgrade", "").lower() == PROTOCOL.lower()


def offered(headers: Mapping[str, str]) -> tuple[str, ...]:
    """What the client can take the streams to mean, what it likes best first."""
    return tuple(one.strip() for one in headers.get(_MEANING, "").split(",") if one.strip())


def accepting(meaning: str) -> tuple[tuple[str, str], ...]:
    """The header of the answer 101 that agrees."""
    return (
        ("Connection", "Upgrade"),
        ("Upgrade", PROTOCOL),
        ("X-Stream-Protocol-Version", meaning),
    )


class SpdyConnection:
    """One connection. One task receives; any may send."""

    def __init__(self, duplex: Duplex) -> None:
        self._duplex = duplex
        self._parser, self._writer = SpdyParser(), SpdyWriter()
        self._frames: deque[Opened | Data | Reset] = deque()

    async def receive(self) -> Opened | Data | Reset | None:
        """What happens to a stream next; None when the client has gone. Raises NotSpdy."""
        while not self._frames:
            data = await self._duplex.receive()
            if not data:
                return None
            for frame in self._parser.feed(data):
                if isinstance(frame, Ping):
                    await self._duplex.send(frame.frame)
                elif not isinstance(frame, Gone):
                    self._frames.append(frame)
        return self._frames.popleft()

    async def accept(self, stream: int) -> None:
        """Tell the client that a stream is one."""
        await self._duplex.send(self._writer.reply(stream))

    async def send(self, stream: int, data: bytes) -> None:
        """Bytes of a stream."""
        for start in range(0, len(data), _PIECE_BYTES):
            piece = data[start : start + _PIECE_BYTES]
            await self._duplex.send(self._writer.data(stream, piece))

    async def end(self, stream: int) -> None:
        """Nothing more will be sent on a stream."""
        await self._duplex.send(self._writer.data(stream, b"", ended=True))

    async def leave(self) -> None:
        """No more streams are accepted: the client may close the connection."""
        await self._duplex.send(GOING_AWAY)
