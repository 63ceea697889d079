"""What a mirror holds: objects by name, each as the watch had it last, and what it came as.

An object that does nothing but tell that it lives is one of thousands that nobody looks at: the
heartbeat is noted, and made into an object when somebody asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from k8slite.client.ordered import Ordered
from k8slite.kinds.heartbeats import beaten
from k8slite.kinds.models import Model
from k8slite.objects.codec import dumps, loads
from k8slite.objects.heartbeats import apply
from k8slite.objects.meta import Name

M = TypeVar("M", bound=Model)
Beat = tuple[int, Sequence[str]]  # its revision, and its times


class Copies(Generic[M]):
    """A dictionary from Name to object that is read in order of Name."""

    __slots__ = ("_beats", "_late", "_lines", "_objects")

    def __init__(self) -> None:
        self._objects: Ordered[M] = Ordered()
        self._lines: dict[Name, bytes] = {}  # {"object": ...}, as a watch sends it
        self._beats: dict[Name, Beat] = {}  # the newest since an object's line
        self._late: dict[Name, Beat] = {}  # those of which no object was made

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, name: Name) -> M | None:
        found = self._objects.get(name)
        late = self._late.pop(name, None)
        if late is not None:
            revision, times = late
            found = beaten(found, str(revision), times)
            self._objects.put(name, found)
        return found

    def line(self, name: Name) -> bytes | None:
        """The object's line; None too where `put` was given none."""
        line = self._lines.get(name)
        beat = self._beats.get(name)
        if line is None or beat is None:
            return line
        event = loads(line)
        apply(event["object"], *beat)
        return dumps(event)

    def put(self, name: Name, obj: M, line: bytes | None) -> None:
        """Add or replace; the object is what the line says."""
        self._objects.put(name, obj)
        if line is not None:
            self._lines[name] = line
        self._beats.pop(name, None)
        self._late.pop(name, None)

    def tell(self, revisions: Mapping[Name, int], times: Sequence[str]) -> None:
        """Note that objects live, and since when they have which revision."""
        objects, beats, late = self._objects, self._beats, self._late
        for name, revision in revisions.items():
            if name in objects:
                beats[name] = late[name] = revision, times

    def remove(self, name: Name) -> None:
        """Take out what is there. Raises KeyError."""
        self._objects.remove(name)
        for known in (self._lines, self._beats, self._late):
            known.pop(name, None)

    def names(self) -> list[Name]:
        """All names in order; a list of the caller's own."""
        return self._objects.names()

    def values(self) -> list[M]:
        """All objects in order of their names."""
        for name in list(self._late):
            self.get(name)
        return self._objects.values()
