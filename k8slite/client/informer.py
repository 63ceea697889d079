"""Mirrors: local copies of resources, kept by list and watch (upstream: reflector and informer).

A mirror lists once, then watches from the list's resourceVersion. A watch that closes is resumed
after the last revision seen; where the server has forgotten that revision (410), the mirror lists
again and announces the differences, deletions too. What subscribers see of one name is always a
chain: the `old` of a call is the `new` of the call before, and an object that was deleted and made
again is announced as a deletion and an addition, however much of the story was missed.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final, Generic, TypeVar

import trio

from k8slite.client.client import Client, Json
from k8slite.client.copies import Copies
from k8slite.client.ordered import Index
from k8slite.client.reading import Line, beats_in, present_in, read, revision_of
from k8slite.client.resource import Resource
from k8slite.kinds.heartbeats import beats, moment_of
from k8slite.kinds.models import Model
from k8slite.messages import Stream
from k8slite.objects.codec import dumps, loads
from k8slite.objects.errors import ApiError, Expired, Gone, Timeout, from_status
from k8slite.objects.heartbeats import EVENT, TOGETHER
from k8slite.objects.meta import Name
from k8slite.world import World

log = logging.getLogger(__name__)

M = TypeVar("M", bound=Model)
Subscriber = Callable[[M | None, M | None], None]
# Told that objects live, by their new resourceVersions, and as of when.
Beat = Callable[[Mapping[Name, int], datetime], None]

RETRY_SECONDS: Final = 0.2  # the first pause after a failed list or watch; doubles
RETRY_MOST_SECONDS: Final = 30.0  # the longest pause (upstream's reflector too)
# How long a watch may last, times 1 to 2 (upstream's minWatchTimeout): a connection that died
# without a word is found out by its end. Where none can, it need not end.
WATCH_SECONDS: Final = 300
# Events applied before all other actors get their turn: a few milliseconds' worth.
EVENTS_AT_ONCE: Final = 16
# How long `caught_up` waits for the watch to bring what a list has shown, before it reads all.
CATCH_UP_SECONDS: Final = 1.0


class Mirror(Generic[M]):
    """A local copy of one resource; an Actor. Reads never wait."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        model: type[M],
        *,
        world: World,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        documents: bool = True,
        consistent_start: bool = True,
    ) -> None:
        """`documents` False: nobody asks for `document`, and the objects' bytes are let go.

        `consistent_start` False: the first list takes what the server has at hand, however old
        (`resourceVersion=0`, as client-go's reflectors do it).
        """
        self.name = f"mirror of {resource.plural}"
        self.resource = resource
        self._client = client
        self._model = model
        self._world = world
        self._namespace = namespace
        self._documents = documents
        self._selection: dict[str, str | int] = {}
        if label_selector:
            self._selection["labelSelector"] = label_selector
        if field_selector:
            self._selection["fieldSelector"] = field_selector
        self._objects: Copies[M] = Copies()
        self._indexes: dict[str, Index[M]] = {}
        self._subscribers: list[Subscriber[M]] = []
        self._beats: list[Beat] = []  # of subscribers who take heartbeats as such
        self._quiet = True  # all of them do, and nothing else asks for the objects
        self._revision = 0
        self._waiting: list[tuple[int, int, trio.Event]] = []
        self._waiting_number = 0
        self._synced = trio.Event()
        self._must_list = True
        # Whether the next list asks for the newest state, which costs the server more.
        self._consistent = self._always_consistent = consistent_start

    @property
    def revision(self) -> int:
        """Every event up to this resourceVersion has been applied."""
        return self._revision

    def get(self, name: Name) -> M | None:
        return self._objects.get(name)

    def all(self) -> list[M]:
        """Everything, in order of Name."""
        return self._objects.values()

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def whole(self) -> bool:
        """Whether it holds every object of its resource, not a selection."""
        return not self._selection and not self._namespace

    def versions(self) -> dict[Name, str]:
        """The resourceVersions of everything here."""
        return {
            obj.metadata.full_name: obj.metadata.resource_version for obj in self._objects.values()
        }

    def add_index(self, index: str, keys: Callable[[M], Iterable[str]]) -> None:
        """Keep objects under keys as well; the first definition of an index name stands."""
        if index in self._indexes:
            return
        self._quiet = False
        made = self._indexes[index] = Index(keys)
        for obj in self._objects.values():
            made.put(obj.metadata.full_name, obj)

    def indexed(self, index: str, key: str) -> list[M]:
        """What is under a key, in order of Name. Raises KeyError for an unknown index."""
        return self._indexes[index].values(key)

    def index_keys(self, index: str) -> list[str]:
        """The keys under which there is something. Raises KeyError for an unknown index."""
        return self._indexes[index].keys()

    def document(self, name: Name) -> Json | None:
        """The whole object, freshly decoded and the caller's to change."""
        raw = self._objects.line(name)
        return None if raw is None else self.decoded(raw)

    def encoded(self, name: Name) -> bytes | None:
        """The whole object as it came, which costs nothing to keep; `decoded` reads it."""
        return self._objects.line(name)

    def decoded(self, raw: bytes) -> Json:
        """What `encoded` gave, as `document` would have."""
        found: Json = loads(raw)["object"]
        found.setdefault("apiVersion", self.resource.api_version)
        found.setdefault("kind", self.resource.kind)
        return found

    def subscribe(self, callback: Subscriber[M], *, beat: Beat | None = None) -> None:
        """Call back (old, new) for each change, in order, from now on; and at once (None, object)
        for each that is there.

        With `beat`, an object that does nothing but tell that it lives (`objects.heartbeats`) may
        be told of by this instead, and what it was then is missing in the chain.
        """
        for obj in self._objects.values():
            callback(None, obj)
        self._subscribers.append(callback)
        if beat is None:
            self._quiet = False
        elif beat is not unheard:
            self._beats.append(beat)

    async def synced(self) -> None:
        """Wait for the first list."""
        await self._synced.wait()

    async def reached(self, revision: int) -> None:
        """Wait until every event up to a revision has been applied (bookmarks count)."""
        if self._revision >= revision:
            await trio.lowlevel.checkpoint()
            return
        self._waiting_number += 1
        event = trio.Event()
        heapq.heappush(self._waiting, (revision, self._waiting_number, event))
        await event.wait()

    async def caught_up(self) -> None:
        """Wait until the mirror shows every write that was made before this call.

        Asks the server where it stands; where the watch does not bring that soon (nothing of this
        resource may have changed), everything is read anew. Raises what the requests raise.
        """
        page = await self._client.list(self.resource, self._namespace, limit=1)
        revision = revision_of(page)
        with trio.move_on_after(CATCH_UP_SECONDS):
            await self.reached(revision)
            return
        await self._list()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """List, then watch for ever; started once listed."""
        pause_seconds = RETRY_SECONDS
        self._must_list = True
        started = False
        while True:
            before, began = self._revision, trio.current_time()
            try:
                if self._must_list:
                    await self._list(self._acceptable())
                    if not started:
                        started = True
                        task_status.started()
                await self._watch()
            except (Expired, Gone):
                self._must_list = self._consistent = True
            except _Broken as broken:
                # The cause may be any fault between here and the server: none of them may end
                # a mirror.
                log.info("%s: %s; trying again", self.name, broken)
            if self._revision > before:
                pause_seconds = RETRY_SECONDS
                continue
            if trio.current_time() - began > RETRY_MOST_SECONDS:
                pause_seconds = RETRY_SECONDS
            await trio.sleep(pause_seconds * (1 + self._world.chance.random()))
            pause_seconds = min(pause_seconds * 2, RETRY_MOST_SECONDS)

    def _acceptable(self) -> str:
        """The resourceVersion that a list must have reached at least; "" is the newest."""
        # One that had shown more before must not go back (upstream: relistResourceVersion).
        return "" if self._consistent else str(self._revision)

    async def _list(self, resource_version: str = "") -> None:
        """Read everything and announce what differs."""
        asked = dict(self._selection)
        if resource_version:
            asked["resourceVersion"] = resource_version
        try:
            found = await self._client.list(self.resource, self._namespace, **asked)
        except ApiError as error:
            if resource_version != "0" and isinstance(error, Expired | Gone | Timeout):
                # Too old, or not there yet and perhaps never, after a restored backup.
                self._consistent = True
            raise _Broken(f"listing: {error}") from error
        except Exception as error:
            raise _Broken(f"listing: {error!r}") from error
        try:
            revision, present = revision_of(found), present_in(found)
        except _UNREADABLE as error:
            # Another API server's answer, perhaps; one that lies must not end a mirror.
            raise _Broken(f"listing: the answer cannot be read: {error!r}") from error
        if not self._must_list and revision <= self._revision:
            return  # asked for by caught_up, and the watch was quicker
        for name in self._objects.names():
            if name not in present:
                self._remove(name)
        for name, item in present.items():
            old = self._objects.get(name)
            version = item["metadata"].get("resourceVersion", "")
            if old is None or old.metadata.resource_version != version:
                raw = b'{"object":%b}' % dumps(item) if self._documents else b""
                self._put(name, Line(raw, {"type": "ADDED", "object": item}))
        self._must_list = False
        self._consistent = self._always_consistent
        self._advance(revision, backwards=True)
        self._synced.set()

    async def _watch(self) -> None:
        """Follow one watch until it closes. Raises Expired, Gone or _Broken."""
        asked = dict(self._selection)
        if self._client.wired:
            asked["timeoutSeconds"] = int(WATCH_SECONDS * (1 + self._world.chance.random()))
        elif beats(self._model) and not self._selection:
            asked.update((TOGETHER,))
        try:
            stream = await self._client.watch(
                self.resource,
                self._namespace,
                resourceVersion=self._revision,
                allowWatchBookmarks="true",
                **asked,
            )
        except (Expired, Gone):
            raise
        except Exception as error:
            raise _Broken(f"watching: {error!r}") from error
        try:
            rest = b""
            while piece := await _piece(stream):
                *lines, rest = (rest + piece if rest else piece).split(b"\n")
                for number, line in enumerate(lines, 1):
                    if line:
                        self._event(line)
                    if number % EVENTS_AT_ONCE == 0:
                        await trio.lowlevel.checkpoint()
        finally:
            stream.close()

    def _event(self, line: bytes) -> None:
        """Apply one event of the watch."""
        try:
            event = read(line)
        except _UNREADABLE as reason:
            raise _Broken(f"watching: an event cannot be read: {reason!r}") from reason
        if event.kind == "ERROR":
            error = from_status(event.obj, event.obj.get("code", 500))
            if error.status_code == Expired.status_code:
                raise Expired(error.message) from error
            raise _Broken(f"watching: {error}") from error
        if event.revision <= self._revision:
            return  # a list that was made meanwhile has shown it
        if event.kind == EVENT:
            self._beaten(event.obj)
        elif event.kind == "DELETED":
            self._remove(event.name)
        elif event.kind != "BOOKMARK":
            self._put(event.name, event)
        self._advance(event.revision)

    def _beaten(self, told: Json) -> None:
        """Objects live, and nothing else is new."""
        revisions, times = beats_in(told, self._revision), told["times"]
        if self._quiet:
            self._objects.tell(revisions, times)
            moment = moment_of(times)
            for beat in self._beats:
                beat(revisions, moment)
            return
        for name, revision in revisions.items():
            old = self._objects.get(name)
            if old is not None:
                self._objects.tell({name: revision}, times)
                self._announce(name, old, self._objects.get(name))

    def _put(self, name: Name, line: Line) -> None:
        try:
            new = line.model(self._model)
        except (KeyError, TypeError, ValueError):
            # An object that does not fit its model must not blind us for all the others.
            log.exception("%s: cannot read %s, which is left out", self.name, name)
            self._remove(name)
            return
        old = self._objects.get(name)
        if old is not None and old.metadata.uid != new.metadata.uid:
            self._remove(name)
            old = None
        self._objects.put(name, new, line.raw if self._documents else None)
        self._announce(name, old, new)

    def _remove(self, name: Name) -> None:
        old = self._objects.get(name)
        if old is None:
            return
        self._objects.remove(name)
        self._announce(name, old, None)

    def _announce(self, name: Name, old: M | None, new: M | None) -> None:
        for index in self._indexes.values():
            if new is None:
                index.remove(name)
            else:
                index.put(name, new)
        for subscriber in self._subscribers:
            subscriber(old, new)

    def _advance(self, revision: int, *, backwards: bool = False) -> None:
        """Note how far the mirror is; only a list may lead backwards (a restored backup)."""
        if revision > self._revision or backwards:
            self._revision = revision
        while self._waiting and self._waiting[0][0] <= self._revision:
            heapq.heappop(self._waiting)[2].set()


def unheard(told: Mapping[Name, int], moment: datetime) -> None:
    """The `beat` of those to whom a heartbeat is nothing new."""


class _Broken(Exception):
    """The way to the server, or the server, failed."""


async def _piece(stream: Stream) -> bytes:
    try:
        return await stream.receive()
    except Exception as error:
        raise _Broken(f"watching: {error!r}") from error


# What reading a document raises that is not what it should be.
_UNREADABLE: Final = (AttributeError, KeyError, TypeError, ValueError)
