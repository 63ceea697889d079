"""WebSocket on a connection that has switched to it: messages in, messages out (RFC 6455).

The server's end only, without extensions. Fragments are put together, pings are answered, and a
peer that breaks a rule is told so by the code that it is closed with.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from k8slite.messages import Duplex

# A message that is longer than any client sends: 32 KiB pieces are usual, kubectl's are smaller.
MESSAGE_MOST_BYTES: Final = 16 * 1024 * 1024
_KEY_SUFFIX: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

NORMAL: Final = 1000
PROTOCOL_ERROR: Final = 1002
TOO_LARGE: Final = 1009


class Opcode(IntEnum):
    """What a frame is."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class BrokenRule(Exception):
    """The peer does not speak WebSocket; `code` is what to close with."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def is_asked(headers: Mapping[str, str]) -> bool:
    """Whether a request wants to go on as a WebSocket."""
    tokens = {one.strip() for one in headers.get("connection", "").lower().split(",")}
    return "upgrade" in tokens and headers.get("upgrade", "").lower() == "websocket"


def offered(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The subprotocols that the client speaks, the one it likes best first."""
    found = headers.get("sec-websocket-protocol", "")
    return tuple(one.strip() for one in found.split(",") if one.strip())


def accepting(headers: Mapping[str, str], protocol: str) -> tuple[tuple[str, str], ...]:
    """The header of the answer 101 that agrees to a subprotocol ("" for none)."""
    key = headers.get("sec-websocket-key", "").encode()
    proof = base64.b64encode(hashlib.sha1(key + _KEY_SUFFIX).digest()).decode()
    found = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", proof)]
    if protocol:
        found.append(("Sec-WebSocket-Protocol", protocol))
    return tuple(found)


class WebSocket:
    """The server's end. One task receives at a time; any may send."""

    def __init__(self, duplex: Duplex) -> None:
        self._duplex = duplex
        self._buffer = bytearray()
        self._closed = False

    async def receive(self) -> bytes | None:
        """The next message, text or binary; None when the peer has closed or gone.

        Raises BrokenRule.
        """
        message = bytearray()
        begun = False
        while True:
            frame = await self._frame()
            if frame is None:
                return None
            final, opcode, payload = frame
            if opcode is Opcode.PING:
                await self._send(Opcode.PONG, payload)
            elif opcode is Opcode.CLOSE:
                await self.close(NORMAL)
                return None
            elif opcode is not Opcode.PONG:
                if begun is not (opcode is Opcode.CONTINUATION):
                    raise BrokenRule(PROTOCOL_ERROR, "a message begins within another")
                begun = True
                message += payload
                if len(message) > MESSAGE_MOST_BYTES:
                    raise BrokenRule(TOO_LARGE, "the message is too large")
                if final:
                    return bytes(message)

    async def send(self, payload: bytes) -> None:
        """Send a binary message; nothing once it is closed."""
        await self._send(Opcode.BINARY, payload)

    async def close(self, code: int, reason: str = "") -> None:
        """Say goodbye, once."""
        if not self._closed:
            await self._send(Opcode.CLOSE, code.to_bytes(2, "big") + reason.encode()[:120])
            self._closed = True

    async def _send(self, opcode: Opcode, payload: bytes) -> None:
        if self._closed:
            return
        size = len(payload)
        if size < 126:
            head = bytes((0x80 | opcode, size))
        elif size < 1 << 16:
            head = bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big")
        else:
            head = bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big")
        # In one piece, so that frames of several tasks do not mix.
        await self._duplex.send(head + payload)

    async def _frame(self) -> tuple[bool, Opcode, bytes] | None:
        head = await self._take(2)
        if head is None:
            return None
        final, code, size = bool(head[0] & 0x80), head[0] & 0x0F, head[1] & 0x7F
        if head[0] & 0x70 or code not in _OPCODES:
            raise BrokenRule(PROTOCOL_ERROR, "reserved bits or opcodes")
        if not head[1] & 0x80:
            raise BrokenRule(PROTOCOL_ERROR, "a client's frames are masked")
        if code >= Opcode.CLOSE and (size > 125 or not final):
            raise BrokenRule(PROTOCOL_ERROR, "a control frame is short and whole")
        if size >= 126:
            extended = await self._take(2 if size == 126 else 8)
            if extended is None:
                return None
            size = int.from_bytes(extended, "big")
        if size > MESSAGE_MOST_BYTES:
            raise BrokenRule(TOO_LARGE, "the message is too large")
        masked = await self._take(4 + size)
        if masked is None:
            return None
        return final, Opcode(code), _unmasked(masked[:4], masked[4:])

    async def _take(self, size: int) -> bytes | None:
        """So many bytes; None when the peer has gone before."""
        while len(self._buffer) < size:
            piece = await self._duplex.receive()
            if not piece:
                return None
            self._buffer += piece
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


def _unmasked(mask: bytes, payload: bytes) -> bytes:
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    # As two long numbers: some hundred times quicker than byte by byte.
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


_OPCODES: Final = frozenset(Opcode)
