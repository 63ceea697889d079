"""Everything that went over the sockets of a cluster, and every commit, in a file.

    DIR/record.jsonl     one JSON object a line, in the order in which things happened:
    {"type": "cluster", "format": 1, "version": "1.37", "revision": 5, "time": ...}
    {"type": "commit", "revision": 7, "time": ..., "key": ..., "value": an object, null: deleted}
    {"type": "request", "id": 3, "time": ..., "user_agent", "method", "path", "query", "body"}
    {"type": "reply", "id": 3, "time": ..., "status": 200, "body": ...}
    {"type": "event", "id": 3, "time": ..., "body": ...}      a piece of a watch or a log
    {"type": "end", "id": 3, "time": ...}                      of a stream

The commits up to the first line's revision are what was there already. Headers are not kept, nor
what is said about tokens, so that no credential of a client is in the file; the Secrets of the
cluster are, as in its store, and nobody else may read it. `recorded` reads it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import trio
from attrs import evolve

from k8slite.live.lines import Lines
from k8slite.messages import Handler, Request, Response, Stream
from k8slite.objects.codec import dumps
from k8slite.objects.meta import timestamp
from k8slite.store.store import Event, Store, Stored
from k8slite.world import World

Json = dict[str, Any]

FILE: Final = "record.jsonl"
FORMAT: Final = 1
# What may wait in memory for the disk, in bytes; who makes more waits for it.
WAITING_MOST_BYTES: Final = 64 * 1024 * 1024
# Whose bodies are left out: what is asked and answered there are tokens.
_SECRET: Final = ("/token", "/tokenreviews", "/selfsubjectreviews")


class NotEmpty(Exception):
    """The directory has something in it already, which is not to be mixed with a new record."""


class Recording:
    """Stands before a Handler and writes down what passes; `run` writes it to the disk."""

    def __init__(self, directory: Path, store: Store, world: World, minor: int) -> None:
        """Make the file. Raises NotEmpty or OSError."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = directory / FILE
        try:
            self._file = Lines(path, is_new=True)
        except FileExistsError:
            raise NotEmpty(f"{directory} holds a record already; choose another") from None
        self._store, self._world = store, world
        self._lines: list[bytes] = []
        self._waiting_bytes = 0
        self._wake = trio.Event()
        self._written = trio.Event()
        self._ids = itertools.count(1)
        head = {"type": "cluster", "format": FORMAT, "version": f"1.{minor}"}
        self._write({**head, "revision": store.revision})
        for stored in sorted(store.list("").items, key=_revision):
            self._commit(stored.revision, stored.key, stored.value)
        self._commits = store.watch("", after=store.revision)

    def before(self, handler: Handler) -> Handler:
        """A Handler that passes everything on, and writes it down."""

        async def handle(request: Request) -> Response:
            number = next(self._ids)
            secret = request.path.endswith(_SECRET)
            self._write(
                {
                    "type": "request",
                    "id": number,
                    "user_agent": request.headers.get("user-agent", ""),
                    "method": request.method,
                    "path": request.path,
                    "query": request.query,
                    "body": "" if secret else _text(request.body),
                }
            )
            await self._room()
            try:
                response = await handler(request)
            except BaseException:
                self._write({"type": "end", "id": number})
                raise
            body = response.body
            reply: Json = {"type": "reply", "id": number, "status": response.status}
            if isinstance(body, bytes):
                self._write({**reply, "body": "" if secret else _text(body)})
                return response
            self._write(reply)
            return evolve(response, body=_Recorded(body, self, number))

        return handle

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write until cancelled, and then what is left; raises OSError when the disk is full."""
        with closing(self._file), closing(self._commits):
            task_status.started()
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._follow)
                    nursery.start_soon(self._flush)
            finally:
                self._take(self._commits.receive_nowait())
                self._file.write(b"".join(self._lines))

    def piece(self, number: int, body: bytes) -> None:
        """A piece of a stream; b"" is its end."""
        if body:
            self._write({"type": "event", "id": number, "body": _text(body)})
        else:
            self._write({"type": "end", "id": number})

    async def _follow(self) -> None:
        while True:
            self._take(await self._commits.receive())

    async def _flush(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            lines, self._lines, self._waiting_bytes = self._lines, [], 0
            self._written.set()
            await trio.to_thread.run_sync(self._file.write, b"".join(lines))

    async def _room(self) -> None:
        while self._waiting_bytes > WAITING_MOST_BYTES:
            self._written = trio.Event()
            await self._written.wait()

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            value = event.now.value if event.now is not None else None
            self._commit(event.revision, event.key, value)

    def _commit(self, revision: int, key: str, value: bytes | None) -> None:
        head = dumps({"type": "commit", "revision": revision, "time": self._time(), "key": key})
        # The object is JSON as it is stored: it goes in as it is.
        self._append(head[:-1] + b',"value":' + (value or b"null") + b"}\n")

    def _write(self, entry: Json) -> None:
        self._append(dumps({**entry, "time": self._time()}) + b"\n")

    def _append(self, line: bytes) -> None:
        self._lines.append(line)
        self._waiting_bytes += len(line)
        self._wake.set()

    def _time(self) -> str:
        return timestamp(self._world.now())


class _Recorded:
    """A Stream whose pieces are written down."""

    def __init__(self, stream: Stream, recording: Recording, number: int) -> None:
        self._stream, self._recording, self._number = stream, recording, number
        self._ended = False

    async def receive(self) -> bytes:
        piece = await self._stream.receive()
        self._ended = not piece
        self._recording.piece(self._number, piece)
        return piece

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            self._recording.piece(self._number, b"")
        self._stream.close()


def _text(body: bytes) -> str:
    """A body as it is; what is no text (protobuf) keeps its letters."""
    return body.decode("utf-8", "backslashreplace")


def _revision(stored: Stored) -> int:
    return stored.revision
