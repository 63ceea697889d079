"""Looks at every watch as it leaves the API server: what it brings is what was committed.

A watch from a revision brings exactly the changes after it, in order, each once, as what they were;
a bookmark says that everything up to it was brought. This is held against the commits themselves,
before any fault touches the stream.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any, Final

from k8slite.faults.noise import beats, silent_resource
from k8slite.messages import Request, Stream
from k8slite.objects.codec import loads
from k8slite.objects.heartbeats import EVENT as HEARTBEATS
from k8slite.sim.checks.reading import prefix_of
from k8slite.store.store import Event

Json = dict[str, Any]

_REVISION: Final = b'"resourceVersion":"'
_TYPE_AT: Final = len(b'{"type":"')


class History:
    """Every commit of a run, in order, by the first part of its key ("pods/")."""

    def __init__(self) -> None:
        self.revision = 0
        self._events: dict[str, list[Event]] = {}
        self._unwatched: dict[str, None] = {}  # of these nothing is kept

    def take(self, event: Event, prefix: str) -> str:
        """Note a commit of a resource; a complaint where its revision is not a new one, else ""."""
        revision, key, _, _ = event
        events = self._events.get(prefix)
        if events is None:
            events = self.of(prefix)
        if prefix not in self._unwatched:
            events.append(event)
        last, self.revision = self.revision, revision
        if revision <= last:
            return f"revision {revision} of {key} was given out after {last}"
        return ""

    def of(self, prefix: str) -> list[Event]:
        """A resource's commits; grows."""
        if silent_resource(prefix[:-1].rpartition(".")[2]):  # their watches are not looked at
            self._unwatched[prefix] = None
        return self._events.setdefault(prefix, [])


def witnessed(
    stream: Stream,
    request: Request,
    resource: str,
    history: History,
    complain: Callable[[str], None],
) -> Stream:
    """The stream of a watch of `resource` ("deployments.apps"), looked at as it is read.

    One that begins with what is there, or has a selector, is left alone.
    """
    revision = request.parameter("resourceVersion")
    if (
        revision in ("", "0")
        or request.parameter("sendInitialEvents")
        or request.parameter("labelSelector")
        or request.parameter("fieldSelector")
    ):
        return stream
    plural, _, group = resource.partition(".")
    prefix = prefix_of(plural, group)
    parts = request.path.split("/")
    namespace = parts[parts.index("namespaces") + 1] + "/" if "namespaces" in parts[:-1] else ""
    return Witness(stream, history.of(prefix), prefix + namespace, int(revision), complain)


class Witness:
    """A watch's stream; a `Stream` that passes on what it sees."""

    def __init__(
        self,
        stream: Stream,
        events: list[Event],
        prefix: str,
        revision: int,
        complain: Callable[[str], None],
    ) -> None:
        """`events`: the resource's commits, those to come included; `prefix`: of wanted keys."""
        self._stream = stream
        self._events = events
        self._prefix = prefix
        self._position = bisect_right(events, revision, key=lambda event: event.revision)
        self._from = revision
        self._bookmark = 0
        self._complain = complain

    async def receive(self) -> bytes:
        """The next lines, unchanged."""
        piece = await self._stream.receive()
        for line in piece.split(b"\n"):
            if line:
                complaint = self._look(line)
                if complaint:
                    self._complain(f"a watch of {self._prefix} from {self._from} {complaint}")
        return piece

    def close(self) -> None:
        self._stream.close()

    def _look(self, line: bytes) -> str:
        kind = line[_TYPE_AT : line.index(b'"', _TYPE_AT)].decode()
        if kind == "ERROR":
            return ""
        if kind == HEARTBEATS:
            return self._look_at_heartbeats(loads(line)["object"])
        at = line.index(_REVISION) + len(_REVISION)
        revision = int(line[at : line.index(b'"', at)])
        due = self._due()
        if kind == "BOOKMARK":
            self._bookmark = revision
            if due is not None and due.revision <= revision:
                return f"has a bookmark at {revision}, but never brought {_named(due)}"
            return ""
        complaint = self._misplaced(kind, revision, due)
        if complaint or due is None:
            return complaint
        self._position += 1
        wanted = _type(due)
        if kind != wanted:
            return f"brings {_named(due)} as {kind}, and it is {wanted}"
        if not _shows(line, due):
            return f"brings {_named(due)} with another content than was committed"
        return ""

    def _look_at_heartbeats(self, told: Json) -> str:
        times = [time.encode() for time in told["times"]]
        for path, revision in told["revisions"].items():
            due = self._due()
            complaint = self._misplaced(HEARTBEATS, revision, due)
            if complaint or due is None:
                return complaint
            self._position += 1
            if not due.key.endswith("/" + path):
                return f"brings {_named(due)} as {path}"
            if not beats(due) or due.now is None:
                return f"brings {_named(due)} as a heartbeat, and it is more"
            if any(time not in due.now.value for time in times):
                return f"brings {_named(due)} with other times than were committed"
        return ""

    def _misplaced(self, kind: str, revision: int, due: Event | None) -> str:
        if revision <= self._bookmark:
            return f"brings {kind} at {revision} after a bookmark at {self._bookmark}"
        if due is None or due.revision != revision:
            wanted = "nothing" if due is None else _named(due)
            return f"brings {kind} at {revision} where {wanted} is due"
        return ""

    def _due(self) -> Event | None:
        """The next commit that it has to bring."""
        events = self._events
        while self._position < len(events):
            if events[self._position].key.startswith(self._prefix):
                return events[self._position]
            self._position += 1
        return None


def _type(event: Event) -> str:
    if event.now is None:
        return "DELETED"
    return "ADDED" if event.before is None else "MODIFIED"


def _shows(line: bytes, event: Event) -> bool:
    """Whether a line ends with the object: its type stands before what is stored.

    A custom resource that is watched in another version is what its converter makes of it.
    """
    stored = event.now or event.before
    assert stored is not None, "a change is of something"
    type_ = stored.value[: stored.value.index(b'"metadata":')]
    if len(type_) > 1 and type_ not in line:
        return True
    if event.now is not None:
        return line.endswith(event.now.value[1:] + b"}")
    assert event.before is not None
    # The last state, all but its resourceVersion, which is the deletion's.
    before = event.before.value
    rest = before[before.index(b'"', before.index(_REVISION) + len(_REVISION)) :]
    return line.endswith(rest + b"}")


def _named(event: Event) -> str:
    return f"{event.key} at {event.revision}"
