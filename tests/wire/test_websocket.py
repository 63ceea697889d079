"""WebSocket frames and SPDY frames, however they are split and broken."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8slite.wire import spdy
from k8slite.wire.spdy import Data, Gone, NotSpdy, Opened, Ping, Reset, SpdyParser, SpdyWriter
from k8slite.wire.websocket import BrokenRule, WebSocket, accepting, is_asked, offered

MASK = b"\x11\x22\x33\x44"


def frame(opcode: int, payload: bytes, *, final: bool = True, mask: bytes = MASK) -> bytes:
    size = len(payload)
    head = bytes([opcode | (0x80 if final else 0)])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 1 << 16:
        head += bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([0x80 | 127]) + size.to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


class Wire:
    """A Duplex that has something to say."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = [piece for piece in pieces if piece]
        self.sent = b""

    async def receive(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    async def send(self, data: bytes) -> None:
        self.sent += data


def cut(data: bytes, at: Sequence[int]) -> list[bytes]:
    places = sorted({0, len(data), *(one % (len(data) + 1) for one in at)})
    return [data[a:b] for a, b in pairwise(places)]


def finished(coroutine: object) -> object:
    """A coroutine that never really waits, run to its end."""
    try:
        coroutine.send(None)  # type: ignore[attr-defined]
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


@given(st.lists(st.binary(max_size=300), max_size=5), st.lists(st.integers(0, 5000), max_size=8))
def test_messages_are_the_same_however_they_are_split(payloads: list[bytes], at: list[int]) -> None:
    data = b"".join(
        frame(2, one[: len(one) // 2], final=False)
        + frame(9, b"hi")
        + frame(0, one[len(one) // 2 :])
        for one in payloads
    )
    wire = Wire(*cut(data + frame(8, b"\x03\xe8"), at))
    socket = WebSocket(wire)
    found = []
    while (message := finished(socket.receive())) is not None:
        found.append(message)
    assert found == payloads
    assert wire.sent == b"\x8a\x02hi" * len(payloads) + b"\x88\x02\x03\xe8"


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_sizes_of_what_is_sent(size: int) -> None:
    wire = Wire()
    finished(WebSocket(wire).send(bytes(size)))
    head = {0: b"\0", 125: b"\x7d", 126: b"\x7e\0\x7e", 65535: b"\x7e\xff\xff"}
    expected = head.get(size, b"\x7f" + (65536).to_bytes(8, "big"))
    assert wire.sent == b"\x82" + expected + bytes(size)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x82\x01x", 1002),  # not masked
        (frame(2, b"", final=False) + frame(2, b""), 1002),  # a message within another
        (frame(0, b"x"), 1002),  # goes on with nothing
        (b"\xc2\x80" + MASK, 1002),  # a reserved bit
        (frame(3, b""), 1002),  # no such opcode
        (frame(9, bytes(126)), 1002),  # a long ping
        (b"\x82\xff" + (1 << 40).to_bytes(8, "big"), 1009),
    ],
)
def test_who_breaks_a_rule_is_told(data: bytes, code: int) -> None:
    with pytest.raises(BrokenRule) as raised:
        finished(WebSocket(Wire(data)).receive())
    assert raised.value.code == code


def test_the_handshake_is_that_of_the_standard() -> None:
    headers = {
        "connection": "keep-alive, Upgrade",
        "upgrade": "WebSocket",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-protocol": "v5.channel.k8s.io, v4.channel.k8s.io",
    }
    assert is_asked(headers) and not is_asked({**headers, "upgrade": "h2c"})
    assert offered(headers) == ("v5.channel.k8s.io", "v4.channel.k8s.io")
    assert ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") in accepting(headers, "")


def opened(number: int, headers: dict[str, str], deflate: zlib._Compress) -> bytes:
    block = len(headers).to_bytes(4, "big")
    for name, value in headers.items():
        for text in (name, value):
            block += len(text).to_bytes(4, "big") + text.encode()
    packed = deflate.compress(block) + deflate.flush(zlib.Z_SYNC_FLUSH)
    body = number.to_bytes(4, "big") + bytes(6) + packed
    return b"\x80\x03\x00\x01\x00" + len(body).to_bytes(3, "big") + body


@given(st.lists(st.integers(0, 1000), max_size=10))
def test_streams_are_the_same_however_they_are_split(at: list[int]) -> None:
    deflate = zlib.compressobj(zdict=spdy._DICTIONARY)
    headers = {"streamtype": "data", "port": "80", "requestid": "0"}
    ping = b"\x80\x03\x00\x06\x00\x00\x00\x04\x00\x00\x00\x01"
    data = (
        opened(1, headers, deflate)
        + opened(3, {**headers, "port": "81"}, deflate)
        + b"\x00\x00\x00\x03\x00\x00\x00\x02ab"
        + b"\x00\x00\x00\x03\x01\x00\x00\x00"
        + ping
        + b"\x80\x03\x00\x04\x00\x00\x00\x04\x00\x00\x00\x00"  # settings, which do not matter
        + b"\x80\x03\x00\x03\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x00\x05"
        + b"\x80\x03\x00\x07\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00"
    )
    parser = SpdyParser()
    assert [one for piece in cut(data, at) for one in parser.feed(piece)] == [
        Opened(1, headers, False),
        Opened(3, {**headers, "port": "81"}, False),
        Data(3, b"ab", False),
        Data(3, b"", True),
        Ping(ping),
        Reset(1),
        Gone(),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02\x00\x01\x00\x00\x00\x00",
        b"\x80\x03\x00\x01\x00\x00\x00\x00",
        b"\x80\x03\x00\x01\x00\x00\x00\x0e" + bytes(10) + b"junk",
        b"\x00\x00\x00\x01\x00\xff\xff\xff" + bytes(8),
    ],
)
def test_what_is_no_frame_is_told(data: bytes) -> None:
    try:
        assert list(SpdyParser().feed(data)) == []
    except NotSpdy as error:
        assert str(error)


def test_frames_that_are_sent() -> None:
    writer = SpdyWriter()
    assert writer.data(5, b"x", ended=True) == b"\0\0\0\5\1\0\0\1x"
    reply = writer.reply(5)
    assert reply[:12] == b"\x80\x03\x00\x02\x00\x00\x00" + bytes([len(reply) - 8]) + b"\0\0\0\5"
    plain = zlib.decompressobj(zdict=spdy._DICTIONARY).decompress(reply[12:])
    assert plain == bytes(4)
