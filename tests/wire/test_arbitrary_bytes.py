"""Whatever arrives, in whatever pieces: the server answers or closes, and pieces change nothing."""

from __future__ import annotations

import itertools

import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from k8slite.messages import Peer, Request
from k8slite.wire import Limits
from k8slite.wire.refusals import Refusal
from k8slite.wire.request_parser import RequestParser

from .serving import Answer, answers, echo, serving

LIMITS = Limits(max_header_bytes=2000, max_body_bytes=500)
PEER = Peer("1.2.3.4:5")
HUNG_SECONDS = 10_000  # of virtual time: every limit has passed long before

tokens = st.text("abcXYZ-", min_size=1, max_size=8)
values = st.text("abc ,;=%\u00e4", max_size=20)
bodies = st.binary(max_size=600)

# Words of HTTP that make havoc more likely than plain noise.
fragments = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\n",
        b"POST /x HTTP/1.1\r\n",
        b"Host: a\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b"Content-Length: 3\r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Expect: 100-continue\r\n",
        b"Connection: close\r\n",
        b"Connection: upgrade\r\nUpgrade: x\r\n",
        b"0\r\n\r\n",
        b"3\r\nabc\r\n",
        b"ffffffffffffffff\r\n",
        b"x" * 3000,
        b"\x16\x03\x01",
        b"HTTP/1.0",
        b": ",
    ]
)
havoc = st.lists(st.one_of(fragments, st.binary(max_size=20)), max_size=12).map(b"".join)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One valid request, as a client might write it."""
    method = draw(st.sampled_from(["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD"]))
    path = "/" + draw(st.text("ab/%20", max_size=10)).replace("%", "%25")
    query = draw(st.sampled_from(["", "?", "?a=b&c", "?x=%41+;&y=%zz&z=1"]))
    lines = [f"{method} {path}{query} HTTP/1.1", "Host: a"]
    lines += [f"X-{draw(tokens)}: {draw(values)}" for _ in range(draw(st.integers(0, 4)))]
    body = draw(bodies)
    if draw(st.booleans()):
        lines.append("Transfer-Encoding: chunked")
        cut = draw(st.integers(0, len(body)))
        parts = [part for part in (body[:cut], body[cut:]) if part]
        body = b"".join(b"%X\r\n%b\r\n" % (len(part), part) for part in parts)
        body += b"0\r\n" + draw(st.sampled_from([b"", b"Trailer: x\r\n"])) + b"\r\n"
    else:
        lines.append(f"Content-Length: {len(body)}")
    if draw(st.integers(0, 9)) == 0:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "\r\n"]).encode() + body


streams = st.one_of(
    havoc,
    st.lists(requests(), max_size=4).map(b"".join),
    st.tuples(st.lists(requests(), max_size=2).map(b"".join), havoc).map(b"".join),
)
cuts = st.lists(st.integers(0, 3000), max_size=12)


def split(data: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut for cut in at if cut < len(data)), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a < b]


def parse(pieces: list[bytes]) -> tuple[list[Request], list[bool], Refusal | None]:
    parser = RequestParser(LIMITS, PEER)
    for piece in pieces:
        parser.feed(piece)
    received = list(parser.requests)
    return [one.request for one in received], [one.keep_alive for one in received], parser.refusal


@settings(max_examples=300)
@given(streams, cuts)
@example(b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\nGET / HTTP/1.1\r\n", [35])
def test_pieces_do_not_change_what_the_parser_understands(data: bytes, at: list[int]) -> None:
    whole = parse([data])
    assert parse(split(data, at)) == whole
    assert parse([data[index : index + 1] for index in range(len(data))]) == whole


@settings(max_examples=60)
@given(streams, cuts)
def test_the_server_always_answers_or_closes(data: bytes, at: list[int]) -> None:
    async def ask(pieces: list[bytes]) -> list[Answer]:
        with trio.fail_after(HUNG_SECONDS):
            async with serving(echo, LIMITS) as served:
                replies = await served.exchange(*pieces)
        # A HEAD request's answer has a length and no body: such pipelines are not taken apart.
        return [] if b"HEAD" in data else answers(replies)

    def run(pieces: list[bytes]) -> list[Answer]:
        return trio.run(ask, pieces, clock=MockClock(autojump_threshold=0))

    assert run([data]) == run(split(data, at))


@settings(max_examples=100)
@given(st.lists(requests(), min_size=1, max_size=4))
def test_valid_requests_are_understood(valid: list[bytes]) -> None:
    expected = 0
    for one in valid:
        expected += 1
        if b"Connection: close" in one:
            break
    found, _, refusal = parse([b"".join(valid)])
    if refusal is None:
        assert len(found) == expected
    else:
        assert refusal.status in (400, 413)  # a broken escape in the path, or a large body
