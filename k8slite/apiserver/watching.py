"""Watches: changes as a stream of lines, shared bytes, never decoded.

A watch starts with what is there (no resourceVersion, or sendInitialEvents), or after a
revision; it ends after its timeout, when the store cuts it off for being slow, or with an ERROR
event that holds an Expired status. Mirrors upstream's `apiserver/pkg/storage/cacher`.

A watch that comes through no socket has no bookmarks and, if its client wants none, no end: nothing
is to be found out by them, and a cluster at rest has as many idle watches as kinds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import trio
from attrs import define, evolve, field, frozen

from k8slite.apiserver.heartbeats import times_of
from k8slite.apiserver.listing import parse_revision, until_fresh
from k8slite.apiserver.rendering import EventForm
from k8slite.apiserver.request_info import flag
from k8slite.apiserver.selection import Selection
from k8slite.apiserver.storage import Storage
from k8slite.apiserver.versions import Versions
from k8slite.kinds.kind import Kind
from k8slite.messages import IN_PROCESS, Request
from k8slite.objects.errors import ApiError, BadRequest, Cause, Expired, Timeout, Unknown
from k8slite.objects.fields import forbidden, refuse
from k8slite.objects.heartbeats import TOGETHER
from k8slite.store.store import Compacted, Event, FutureRevision, Stored, Watch
from k8slite.world import World

BOOKMARK_SECONDS: Final = 60.0  # upstream's period of bookmarks
LEAST_TIMEOUT_SECONDS: Final = 1800.0  # upstream's --min-request-timeout
_INITIAL_BATCH: Final = 500  # objects rendered at once, so that a large start does not stall others


@define(eq=False)
class WatchCounts:
    """Watches that are open and events that were sent, by group, version and resource."""

    open: dict[tuple[str, str, str], int] = field(factory=dict)
    events: dict[tuple[str, str, str], int] = field(factory=dict)

    def opened(self, key: tuple[str, str, str], change: int) -> None:
        """One more, or one less."""
        self.open[key] = self.open.get(key, 0) + change

    def sent(self, key: tuple[str, str, str], count: int) -> None:
        """So many events more."""
        self.events[key] = self.events.get(key, 0) + count


@frozen
class WatchOptions:
    """A client's wishes."""

    after: int | None  # None: start with what is there
    initial_events: bool = False  # send what is there, then the bookmark that says so
    bookmarks: bool = False
    timeout_seconds: float = LEAST_TIMEOUT_SECONDS
    bookmark_seconds: float = BOOKMARK_SECONDS
    together: bool = False  # heartbeats without their objects (see `objects.heartbeats`)


def watch_options(request: Request, world: World) -> WatchOptions:
    """Read the query. Raises Invalid, or Unknown for a malformed revision as upstream does."""
    try:
        revision = parse_revision(request.parameter("resourceVersion"))
    except ValueError as error:
        raise Unknown(str(error)) from None
    text, inside = request.parameter("timeoutSeconds"), request.peer.address == IN_PROCESS
    if text.isdecimal() and int(text) > 0:
        timeout = float(text)
    elif text and not text.lstrip("-").isdecimal():
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    elif inside:
        timeout = math.inf
    else:
        # Spread, so that many clients do not come back at once (upstream does the same).
        timeout = LEAST_TIMEOUT_SECONDS * (1 + world.chance.random())
    initial = request.parameter("sendInitialEvents")
    match = request.parameter("resourceVersionMatch")
    causes = _complaints(initial, match)
    if causes:
        raise refuse("ListOptions", "meta.k8s.io", "", causes)
    bookmarks = flag(request.parameter("allowWatchBookmarks"))
    period = math.inf if inside else BOOKMARK_SECONDS
    together = inside and TOGETHER in request.query
    if initial and flag(initial):
        return WatchOptions(None, True, bookmarks, timeout, period, together)
    if initial and not revision:
        return WatchOptions(0, False, bookmarks, timeout, period, together)
    return WatchOptions(revision or None, False, bookmarks, timeout, period, together)


async def open_watch(
    storage: Storage,
    versions: Versions,
    kind: Kind,
    namespace: str,
    selection: Selection,
    options: WatchOptions,
    form: EventForm,
    counts: WatchCounts,
) -> WatchStream:
    """Start a watch. Raises Timeout for a revision from the future, and Unknown where what is
    there cannot be converted."""
    store = storage.store
    prefix = f"{kind.prefix}{namespace}/" if namespace else kind.prefix
    initial: Sequence[Stored] = ()
    after = options.after
    if after is None:
        page = store.list(prefix)
        initial, after = page.items, page.revision
    elif after == 0:
        after = store.revision
    else:
        await until_fresh(store, after)
    matches = selection.matcher(kind)
    try:
        watch: Watch | None = store.watch(prefix, after=after)
        error = None
    except (Compacted, FutureRevision) as reason:
        watch, error = None, _too_old(after, reason)
    stream = WatchStream(kind, selection, versions, watch, form, options, after, counts)
    try:
        if kind.converts:
            initial = await versions.seen(kind, initial)
        initial = [stored for stored in initial if matches(stored)]
        if not kind.converts:
            initial = await versions.seen(kind, initial)
    except BaseException:
        stream.close()
        raise
    stream.begin(initial, error)
    return stream


class WatchStream:
    """A watch's response body."""

    def __init__(
        self,
        kind: Kind,
        selection: Selection,
        versions: Versions,
        watch: Watch | None,
        form: EventForm,
        options: WatchOptions,
        revision: int,
        counts: WatchCounts,
    ) -> None:
        self._counts = counts
        self._key = kind.group, kind.version, kind.plural
        counts.opened(self._key, 1)
        self._kind = kind
        self._versions = versions
        self._matches = selection.matcher(kind)
        self._selective = not selection.everything
        self._together = options.together and not self._selective
        self._watch = watch
        self._form = form
        self._options = options
        self._revision = revision
        self._initial: Sequence[Stored] = ()
        self._position = 0
        self._pending: list[bytes] = []
        self._deadline = trio.current_time() + options.timeout_seconds
        self._next_bookmark = self._bookmark_time()
        self._closed = False

    def begin(self, initial: Sequence[Stored], error: ApiError | None) -> None:
        """What comes before the first change."""
        self._initial = initial
        if error is not None:
            self._pending.append(self._form.error(error.status()))

    async def receive(self) -> bytes:
        """The next lines; b"" when the watch has ended."""
        if self._position < len(self._initial):
            return self._initial_lines()
        if self._options.initial_events:
            self._options = evolve(self._options, initial_events=False)
            if self._options.bookmarks:
                self._pending.append(self._form.bookmark(self._revision, initial=True))
        if self._pending:
            lines = b"".join(self._pending)
            self._pending.clear()
            return lines
        while self._watch is not None and not self._closed:
            now = trio.current_time()
            if now >= self._deadline:
                break
            if now >= self._next_bookmark:
                self._next_bookmark = self._bookmark_time()
                return self._form.bookmark(max(self._revision, self._watch.revision))
            try:
                events = await self._next(self._watch)
            except trio.EndOfChannel:
                break
            # Whoever converts takes his own time: what was received is not lost at a deadline.
            lines = await self._converted_lines(events) if events else b""
            if lines:
                return lines
        return b""

    async def _next(self, watch: Watch) -> Sequence[Event]:
        """The next events; none when it is time for something else."""
        until = min(self._deadline, self._next_bookmark)
        if until == math.inf:
            return await watch.receive()
        with trio.move_on_at(until):
            return await watch.receive()
        return ()

    def close(self) -> None:
        if not self._closed:
            self._counts.opened(self._key, -1)
        self._closed = True
        if self._watch is not None:
            self._watch.close()

    def _bookmark_time(self) -> float:
        if not self._options.bookmarks:
            return self._deadline
        # One comes just before the end too, so that the client resumes from close by.
        near_end = self._deadline - 2.0
        now = trio.current_time()
        regular = now + self._options.bookmark_seconds
        return near_end if now < near_end < regular else regular

    def _initial_lines(self) -> bytes:
        batch = self._initial[self._position : self._position + _INITIAL_BATCH]
        self._position += len(batch)
        if self._position == len(self._initial):
            self._initial, self._position = (), 0
        added = self._form.added
        self._counts.sent(self._key, len(batch))
        return b"".join([added(stored.value) for stored in batch])

    async def _converted_lines(self, events: Sequence[Event]) -> bytes:
        """What is sent of some changes; an error, and then the end, where they cannot be told."""
        try:
            seen = await self._versions.events(self._kind, events, selective=self._selective)
        except ApiError as error:
            self.close()
            return self._form.error(error.status())
        return self._lines(seen)

    def _lines(self, events: Sequence[Event]) -> bytes:
        self._revision = events[-1].revision
        if self._together:
            self._counts.sent(self._key, len(events))
            return b"".join(self._runs(events))
        lines = []
        modified, selective = self._form.modified, self._selective
        for event in events:
            _, _, now, before = event
            if now is not None and before is not None and not selective:
                lines.append(modified(now.value))
            elif line := self._line(event):
                lines.append(line)
        self._counts.sent(self._key, len(lines))
        return b"".join(lines)

    def _runs(self, events: Sequence[Event]) -> Iterator[bytes]:
        """The lines of events, heartbeats that follow one another being one."""
        skipped, heartbeats = len(self._kind.prefix), self._form.heartbeats
        times: Sequence[bytes] = ()
        revisions: dict[str, int] = {}
        for event in events:
            revision, key, _, _ = event
            beat = times_of(event)
            if revisions and (beat != times or key[skipped:] in revisions):
                yield heartbeats(times, revisions)
                revisions = {}
            if beat is None:
                yield self._line(event)
            else:
                times = beat
                revisions[key[skipped:]] = revision
        if revisions:
            yield heartbeats(times, revisions)

    def _line(self, event: Event) -> bytes:
        form, now, before = self._form, event.now, event.before
        if self._selective:
            # An object that leaves the selection is deleted to this watcher, one that enters
            # it is added.
            if now is not None and not self._matches(now):
                if before is None or not self._matches(before):
                    return b""
                return form.deleted(_at(before.value, event.revision))
            if before is not None and not self._matches(before):
                before = None
                if now is None:
                    return b""
        if now is None:
            assert before is not None
            return form.deleted(_at(before.value, event.revision))
        if before is None:
            return form.added(now.value)
        return form.modified(now.value)


def _at(value: bytes, revision: int) -> bytes:
    """A last state under the revision of the event that reports it."""
    start = value.index(b'"resourceVersion":"') + 19
    return b"%b%d%b" % (value[:start], revision, value[value.index(b'"', start) :])


def _too_old(after: int, reason: Compacted | FutureRevision) -> ApiError:
    if isinstance(reason, Compacted):
        return Expired(f"too old resource version: {after} ({reason.oldest})")
    return Timeout(f"Too large resource version: {after}, current: {reason.current}")


def _complaints(initial: str, match: str) -> list[Cause]:
    """Upstream's `ValidateListOptions` for watches."""
    if initial:
        if match != "NotOlderThan":
            return [
                forbidden(
                    "resourceVersionMatch",
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                )
            ]
        return []
    if match:
        return [
            forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            )
        ]
    return []
