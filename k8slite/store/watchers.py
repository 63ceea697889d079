"""Who watches, and how a change reaches them.

All watches of one prefix share one list of events and differ by how far they have read, so a
change costs one look-up per length of prefix in use in its folder plus the waking of those who
wait, however many watch. They are woken in the order in which they began to wait. A watch that
has left more than its backlog unread is cut off: it keeps what it has not read, then ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import trio
from trio.lowlevel import Abort, Task, current_task, reschedule, wait_task_rescheduled

from k8slite.store.history import folder
from k8slite.store.store import Event

# Events that a watch may leave unread before it is cut off. What waits is shared by all watches
# of a prefix, so this bounds memory per prefix; it is seconds of work at the full rate of writes.
BACKLOG_MOST_EVENTS: Final = 10_000

# A prefix's list is looked through for what everybody has read once it has this many events.
_TRIM_EVENTS: Final = 256


class Watcher:
    """One watch; the store's `Watch`."""

    __slots__ = ("_ended_revision", "_group", "_position", "_unread")

    def __init__(self, group: _Group, missed: list[Event]) -> None:
        self._group: _Group | None = group
        self._position = group.end
        self._unread = missed  # comes before what the group has
        self._ended_revision = 0

    @property
    def revision(self) -> int:
        """Everything up to here has been received or does not concern this watch."""
        if self._unread:
            return self._unread[0].revision - 1
        group = self._group
        if group is None:
            return self._ended_revision
        if self._position < group.end:
            return group.events[self._position - group.base].revision - 1
        return group.watchers.revision

    async def receive(self) -> Sequence[Event]:
        """Wait for changes and take all that are there, at least one.

        Raises `trio.EndOfChannel` when the watch has ended, `trio.BusyResourceError` when
        another task waits already.
        """
        group = self._group
        if group is None or self._unread or self._position < group.end:
            await trio.lowlevel.checkpoint()
            return self.receive_nowait()
        if self in group.waiting:
            raise trio.BusyResourceError("another task is waiting for this watch")
        while True:
            group.waiting[self] = current_task()

            def abort(_: object) -> Abort:
                del group.waiting[self]
                return Abort.SUCCEEDED

            await wait_task_rescheduled(abort)
            if taken := self.receive_nowait():
                return taken

    def receive_nowait(self) -> Sequence[Event]:
        """What is there now, perhaps nothing. Raises `trio.EndOfChannel` like `receive`."""
        unread, group = self._unread, self._group
        if group is None:
            if not unread:
                raise trio.EndOfChannel
            self._unread = []
            return unread
        fresh = group.events[self._position - group.base :]
        self._position = group.end
        if not unread:
            return fresh
        self._unread = []
        return unread + fresh

    def close(self) -> None:
        """End it and forget what was not read. Safe to call twice."""
        revision = self.revision
        group, self._group, self._unread = self._group, None, []
        self._ended_revision = revision
        if group is not None:
            task = group.waiting.pop(self, None)
            group.remove(self)
            if task is not None:
                reschedule(task)

    def too_slow(self, position: int) -> bool:
        """Whether something below a position is unread; then the watch is cut off."""
        group = self._group
        if group is None or self._position >= position:
            return False
        self._unread = self._unread + group.events[self._position - group.base :]
        self._ended_revision = self._unread[-1].revision
        self._group = None
        return True

    @property
    def position(self) -> int:
        """How many of its group's events have been read, counted from the group's beginning."""
        return self._position


class Watchers:
    """All watches of a store."""

    def __init__(self, *, backlog_events: int = BACKLOG_MOST_EVENTS) -> None:
        self.revision = 0  # everything up to here has been published
        self.backlog_events = backlog_events
        self._folders: dict[str, _Folder] = {}

    def add(self, prefix: str, missed: list[Event]) -> Watcher:
        """A watch from now on, which first gives what was missed."""
        name = folder(prefix)
        kept = self._folders.get(name)
        if kept is None:
            kept = self._folders[name] = _Folder()
        group = kept.groups.get(prefix)
        if group is None:
            group = kept.groups[prefix] = _Group(self, prefix)
            kept.measure()
        watcher = Watcher(group, missed)
        group.members[watcher] = None
        return watcher

    def publish(self, events: Sequence[Event]) -> None:
        """Hand out changes, in order, and wake whoever waits for them."""
        self.revision = events[-1].revision
        folders = self._folders
        if not folders:
            return
        touched: dict[_Group, None] = {}
        everywhere = folders.get("")
        for event in events:
            key = event.key
            name = key[: key.find("/") + 1]
            kept = folders.get(name) if name else None
            if kept is not None:
                kept.hand_out(event, touched)
            if everywhere is not None:
                everywhere.hand_out(event, touched)
        for group in touched:
            if group.waiting:
                for task in group.waiting.values():
                    reschedule(task)
                group.waiting.clear()

    def close(self) -> None:
        """End every watch."""
        for kept in list(self._folders.values()):
            for group in list(kept.groups.values()):
                for watcher in list(group.members):
                    watcher.close()

    def forget(self, prefix: str) -> None:
        """Nobody watches a prefix any more."""
        name = folder(prefix)
        kept = self._folders[name]
        del kept.groups[prefix]
        if kept.groups:
            kept.measure()
        else:
            del self._folders[name]


class _Group:
    """The watches of one prefix and the events that some of them have not read."""

    __slots__ = (
        "base",
        "events",
        "members",
        "prefix",
        "trim_at",
        "waiting",
        "watchers",
    )

    def __init__(self, watchers: Watchers, prefix: str) -> None:
        self.watchers = watchers
        self.prefix = prefix
        self.members: dict[Watcher, None] = {}
        self.waiting: dict[Watcher, Task] = {}  # those have read everything
        self.base = 0  # the position of the first event in the list
        self.events: list[Event] = []
        self.trim_at = min(_TRIM_EVENTS, watchers.backlog_events + 1)

    @property
    def end(self) -> int:
        """The position after the last event."""
        return self.base + len(self.events)

    def remove(self, watcher: Watcher) -> None:
        """A watch has ended."""
        del self.members[watcher]
        if not self.members:
            self.watchers.forget(self.prefix)

    def trim(self) -> None:
        """Cut off who is too slow, and drop what everybody else has read."""
        end, backlog_events = self.end, self.watchers.backlog_events
        for watcher in list(self.members):
            if watcher.too_slow(end - backlog_events):
                self.remove(watcher)
        lowest = min((watcher.position for watcher in self.members), default=end)
        del self.events[: lowest - self.base]
        self.base = lowest
        self.trim_at = min(max(2 * len(self.events), _TRIM_EVENTS), backlog_events + 1)


class _Folder:
    """The prefixes that are watched under one first segment; "" has those that name none."""

    __slots__ = ("groups", "lengths")

    def __init__(self) -> None:
        self.groups: dict[str, _Group] = {}
        self.lengths: tuple[int, ...] = ()

    def measure(self) -> None:
        """Note which lengths the prefixes have."""
        self.lengths = tuple(sorted({len(prefix) for prefix in self.groups}))

    def hand_out(self, event: Event, touched: dict[_Group, None]) -> None:
        """Append one event to every prefix that its key begins with."""
        key = event.key
        size = len(key)
        for length in self.lengths:
            if length > size:
                break
            group = self.groups.get(key[:length])
            if group is not None:
                group.events.append(event)
                touched[group] = None
                if len(group.events) >= group.trim_at:
                    group.trim()
