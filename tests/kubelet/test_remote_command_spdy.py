"""A command's streams over SPDY, with clients that do what they should not."""

from __future__ import annotations

import zlib

import trio

from k8slite.kubelet.remote_command import Wanted
from k8slite.kubelet.remote_command_spdy import LEAVING_SECONDS, STREAMS_SECONDS, answer
from k8slite.kubelet.runtimes.session import Session
from k8slite.objects.codec import loads
from k8slite.wire.spdy import _DICTIONARY, Data, Reset, SpdyParser

CALM = 1000.0  # seconds that nobody should need


class Client:
    """The other end of a conversation: opens streams as the SPDY/3 draft has it."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=_DICTIONARY)
        self.give, self._given = trio.open_memory_channel[bytes](100)
        self.got: dict[int, bytes] = {}
        self._parser = SpdyParser()

    async def receive(self) -> bytes:
        try:
            return await self._given.receive()
        except trio.EndOfChannel:
            return b""

    async def send(self, data: bytes) -> None:
        if data[:4] == b"\x80\x03\x00\x02":
            return  # a stream is accepted
        for frame in self._parser.feed(data):
            if isinstance(frame, Data):
                self.got[frame.stream] = self.got.get(frame.stream, b"") + frame.payload

    def open(self, stream: int, kind: str) -> None:
        text = b"".join(len(one).to_bytes(4, "big") + one for one in (b"streamtype", kind.encode()))
        block = self._deflate.compress((1).to_bytes(4, "big") + text)
        block += self._deflate.flush(zlib.Z_SYNC_FLUSH)
        body = stream.to_bytes(4, "big") + bytes(6) + block
        head = b"\x80\x03\x00\x01\x00" + len(body).to_bytes(3, "big")
        self.give.send_nowait(head + body)


async def echo(session: Session) -> int:
    while piece := await session.read():
        await session.write(piece.upper())
    await session.write_error(b"that was all")
    return 3


async def talk(client: Client, wanted: Wanted) -> float:
    """How many seconds a conversation takes."""
    began = trio.current_time()
    response = answer("v4.channel.k8s.io", wanted, echo, ("echo",))
    assert response.conversation is not None
    with trio.fail_after(CALM):
        await response.conversation(client)
    return trio.current_time() - began


async def test_streams_come_in_any_order_and_with_pieces_of_each_other(
    autojump_clock: trio.abc.Clock,
) -> None:
    client = Client()
    client.open(5, "stdin")
    client.give.send_nowait(b"\x00\x00\x00\x05\x00\x00\x00\x03abc")
    client.give.send_nowait(b"\x00\x00\x00\x05\x01\x00\x00\x00")
    for stream, kind in ((1, "error"), (3, "stdout"), (7, "stderr")):
        client.open(stream, kind)
    assert await talk(client, Wanted(stdin=True, stdout=True, stderr=True)) == LEAVING_SECONDS
    assert (client.got[3], client.got[7]) == (b"ABC", b"that was all")
    assert loads(client.got[1])["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]


async def test_who_opens_too_few_is_not_waited_for_for_ever(
    autojump_clock: trio.abc.Clock,
) -> None:
    client = Client()
    client.open(1, "error")
    assert await talk(client, Wanted(stdout=True)) == STREAMS_SECONDS
    assert client.got == {}


async def test_what_was_not_asked_for_ends_it(autojump_clock: trio.abc.Clock) -> None:
    for bad in ("resize", "nothing"):
        client = Client()
        client.open(1, "error")
        client.open(3, bad)
        assert await talk(client, Wanted(stdout=True)) == 0


async def test_a_stdin_that_is_reset_has_ended(autojump_clock: trio.abc.Clock) -> None:
    client = Client()
    for stream, kind in ((1, "error"), (3, "stdout"), (5, "stdin")):
        client.open(stream, kind)
    reset = b"\x80\x03\x00\x03\x00\x00\x00\x08\x00\x00\x00\x05\x00\x00\x00\x05"
    assert list(SpdyParser().feed(reset)) == [Reset(5)]
    client.give.send_nowait(reset)
    client.give.close()
    assert await talk(client, Wanted(stdin=True, stdout=True)) == 0
