"""What a mirror holds: objects by name, each as the last line of the watch has it.

An object that does nothing but tell that it lives is one of thousands that nobody looks at: its
line is kept, and made into an object when somebody asks.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from k8slite.client.ordered import Ordered
from k8slite.client.reading import Line
from k8slite.kinds.models import Model
from k8slite.objects.meta import Name

M = TypeVar("M", bound=Model)


class Copies(Generic[M]):
    """A dictionary from Name to object that is read in order of Name."""

    __slots__ = ("_bases", "_late", "_model", "_objects")

    def __init__(self, model: type[M]) -> None:
        self._model = model
        self._objects: Ordered[M] = Ordered()
        self._bases: dict[Name, Line] = {}  # of objects that have told that they live
        self._late: dict[Name, Line] = {}  # what they told last, where nobody has asked since

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, name: Name) -> M | None:
        line = self._late.pop(name, None)
        if line is not None:
            self._objects.put(name, line.model(self._model))
        return self._objects.get(name)

    def put(self, name: Name, obj: M, line: Line) -> None:
        """Add or replace; the object is what the line says."""
        self._objects.put(name, obj)
        self._late.pop(name, None)
        if line.basis is not None:
            self._bases[name] = line.basis
        else:
            self._bases.pop(name, None)

    def tell(self, name: Name, line: Line) -> bool:
        """Whether a line only tells that what is here lives; then that is noted."""
        if line.basis is None or self._bases.get(name) is not line.basis:
            return False
        self._late[name] = line
        return True

    def remove(self, name: Name) -> None:
        """Take out what is there. Raises KeyError."""
        self._objects.remove(name)
        self._bases.pop(name, None)
        self._late.pop(name, None)

    def names(self) -> list[Name]:
        """All names in order; a list of the caller's own."""
        return self._objects.names()

    def values(self) -> list[M]:
        """All objects in order of their names."""
        for name in list(self._late):
            self.get(name)
        return self._objects.values()
