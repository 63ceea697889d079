"""Every watch is held against the commits: each way to be wrong is noticed."""

from sys import intern

import pytest

from k8slite.messages import Request, Stream
from k8slite.objects.codec import dumps
from k8slite.objects.heartbeats import EVENT
from k8slite.sim.witness import History, witnessed
from k8slite.store.store import Event, Stored


def stored(key: str, revision: int, text: str = "") -> Stored:
    value = b'{"metadata":{"resourceVersion":"%d","name":"x"},"data":"%b"}'
    return Stored(key, revision, value % (revision, text.encode()), header=intern(key))


A1, B2, A3 = (stored(f"things/shop/{key}", at, key) for key, at in (("a", 1), ("b", 2), ("a", 3)))
ELSEWHERE = stored("things/home/c", 4)
EVENTS = [
    Event(1, A1.key, A1, None),
    Event(2, B2.key, B2, None),
    Event(3, A3.key, A3, A1),
    Event(4, ELSEWHERE.key, ELSEWHERE, None),
    Event(5, B2.key, None, B2),
]


def line(kind: str, value: bytes, revision: int = 0) -> bytes:
    if revision:
        value = value.replace(b'Version":"2', b'Version":"%d' % revision)
    return b'{"type":"%b","object":{"kind":"Thing","apiVersion":"v1",%b}\n' % (
        kind.encode(),
        value[1:],
    )


def bookmark(revision: int) -> bytes:
    return line("BOOKMARK", b'{"metadata":{"resourceVersion":"%d"}}' % revision)


ADDED_A, ADDED_B = line("ADDED", A1.value), line("ADDED", B2.value)
MODIFIED_A, DELETED_B = line("MODIFIED", A3.value), line("DELETED", B2.value, 5)
BEATS = {"times": ["a"], "revisions": {"shop/a": 3}}  # A3 has the header of A1


def heartbeats(**other: object) -> bytes:
    return dumps({"type": EVENT, "object": {**BEATS, **other}}) + b"\n"


ERROR = b'{"type":"ERROR","object":{"code":410}}\n'


class Pieces:
    """A stream that was made up."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def receive(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def close(self) -> None:
        self._pieces.clear()


async def complaints(
    pieces: list[bytes],
    revision: str = "1",
    path: str = "/api/v1/namespaces/shop/things",
    **more: str,
) -> list[str]:
    history, found = History(), list[str]()
    for event in EVENTS:
        assert history.take(event, "things/") == ""
    query = (("watch", "true"), ("resourceVersion", revision), *more.items())
    stream: Stream = witnessed(
        Pieces(list(pieces)), Request("GET", path, query), "things", history, found.append
    )
    passed = []
    while piece := await stream.receive():
        passed.append(piece)
    stream.close()
    assert passed == pieces, "it changes nothing"
    return found


@pytest.mark.parametrize(
    "pieces",
    [
        [ADDED_B, MODIFIED_A, DELETED_B],
        [ADDED_B + MODIFIED_A, bookmark(4), DELETED_B, bookmark(9)],
        [ADDED_B + heartbeats(), DELETED_B],
        [ADDED_B, ERROR],
        [],
    ],
)
async def test_what_is_right(pieces: list[bytes]) -> None:
    assert await complaints(pieces) == []


@pytest.mark.parametrize(
    ("pieces", "complaint"),
    [
        ([MODIFIED_A], "brings MODIFIED at 3 where things/shop/b at 2 is due"),
        ([ADDED_B, ADDED_B], "brings ADDED at 2 where things/shop/a at 3 is due"),
        ([ADDED_A], "brings ADDED at 1 where things/shop/b at 2 is due"),
        ([line("MODIFIED", B2.value)], "as MODIFIED, and it is ADDED"),
        ([ADDED_B.replace(b'"b"', b'"z"')], "another content"),
        ([ADDED_B, MODIFIED_A, DELETED_B.replace(b'"b"', b'"z"')], "another content"),
        ([ADDED_B, bookmark(3)], "has a bookmark at 3, but never brought things/shop/a at 3"),
        ([ADDED_B, MODIFIED_A, bookmark(4), MODIFIED_A], "after a bookmark at 4"),
        ([ADDED_B, MODIFIED_A, DELETED_B, DELETED_B], "where nothing is due"),
        ([heartbeats()], "brings HEARTBEATS at 3 where things/shop/b at 2 is due"),
        ([ADDED_B, heartbeats(revisions={"shop/b": 3})], "brings things/shop/a at 3 as shop/b"),
        ([ADDED_B, heartbeats(times=["a", "x!"])], "other times than were committed"),
        ([heartbeats(revisions={"shop/b": 2})], "as a heartbeat, and it is more"),
    ],
)
async def test_what_is_wrong(pieces: list[bytes], complaint: str) -> None:
    found = await complaints(pieces)
    assert len(found) == 1, found
    assert complaint in found[0]
    assert found[0].startswith("a watch of things/shop/ from 1 ")


async def test_all_namespaces() -> None:
    everywhere = [ADDED_B, MODIFIED_A, line("ADDED", ELSEWHERE.value), DELETED_B]
    assert await complaints(everywhere, path="/api/v1/things") == []
    assert len(await complaints([ADDED_B, MODIFIED_A, DELETED_B], path="/api/v1/things")) == 1


@pytest.mark.parametrize("more", [{"labelSelector": "a=b"}, {"sendInitialEvents": "true"}])
async def test_what_is_left_alone(more: dict[str, str]) -> None:
    assert await complaints([DELETED_B], **more) == []
    assert await complaints([DELETED_B], revision="0") == []


def test_a_revision_is_given_once() -> None:
    history = History()
    assert history.take(EVENTS[1], "things/") == ""
    assert history.take(EVENTS[1], "things/") == "revision 2 of things/shop/b was given out after 2"
