"""Objects by name, read in order of their names, and indexes over them.

Reading is frequent and in order, adding comes in bursts: names are sorted when they are read, and
only if one has come or gone since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from k8slite.objects.meta import Name

M = TypeVar("M")


class Ordered(Generic[M]):
    """A dictionary from Name to object that is read in order of Name."""

    __slots__ = ("_names", "_objects", "_sorted")

    def __init__(self) -> None:
        self._objects: dict[Name, M] = {}
        self._names: list[Name] = []
        self._sorted = True

    def __len__(self) -> int:
        return len(self._objects)

    def __contains__(self, name: Name) -> bool:
        return name in self._objects

    def get(self, name: Name) -> M | None:
        return self._objects.get(name)

    def put(self, name: Name, obj: M) -> None:
        """Add or replace."""
        if name not in self._objects:
            self._names.append(name)
            self._sorted = False
        self._objects[name] = obj

    def remove(self, name: Name) -> None:
        """Take out what is there. Raises KeyError."""
        del self._objects[name]
        self._names = []  # rebuilt from the dictionary when next read
        self._sorted = False

    def names(self) -> list[Name]:
        """All names in order; a list of the caller's own."""
        if not self._sorted:
            if len(self._names) != len(self._objects):
                self._names = list(self._objects)
            self._names.sort()
            self._sorted = True
        return self._names.copy()

    def values(self) -> list[M]:
        """All objects in order of their names."""
        objects = self._objects
        return [objects[name] for name in self.names()]


class Index(Generic[M]):
    """Objects under the keys that a function gives for each of them."""

    __slots__ = ("_buckets", "_keys", "_keys_of")

    def __init__(self, keys: Callable[[M], Iterable[str]]) -> None:
        self._keys = keys
        self._keys_of: dict[Name, tuple[str, ...]] = {}
        self._buckets: dict[str, Ordered[M]] = {}

    def put(self, name: Name, obj: M) -> None:
        """Add an object, or move it to the keys that it has now."""
        keys = tuple(dict.fromkeys(self._keys(obj)))
        old = self._keys_of.get(name, ())
        if old != keys:
            for key in old:
                if key not in keys:
                    self._take_out(name, key)
            self._keys_of[name] = keys
        for key in keys:
            bucket = self._buckets.get(key)
            if bucket is None:
                bucket = self._buckets[key] = Ordered()
            bucket.put(name, obj)

    def remove(self, name: Name) -> None:
        for key in self._keys_of.pop(name, ()):
            self._take_out(name, key)

    def values(self, key: str) -> list[M]:
        """The objects under a key, in order of their names."""
        bucket = self._buckets.get(key)
        return bucket.values() if bucket is not None else []

    def keys(self) -> list[str]:
        """The keys under which there is something, in the order in which they came."""
        return list(self._buckets)

    def _take_out(self, name: Name, key: str) -> None:
        bucket = self._buckets[key]
        bucket.remove(name)
        if not len(bucket):
            del self._buckets[key]
