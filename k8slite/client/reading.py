"""A watch's lines, read once however many mirrors they reach.

Controllers, scheduler and kubelets of one process watch the same pods. What they get are the same
bytes, and what is made of them are values: decoding and structuring is done by the first who asks,
and all of them keep one copy. All this is a pure function's memory, so a simulated run is none the
wiser.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from k8slite.objects.codec import loads
from k8slite.objects.heartbeats import EVENT
from k8slite.objects.meta import Name
from k8slite.objects.structure import structure

Json = dict[str, Any]

# Mirrors that are this many events apart read for themselves: bounds the memory to a few megabytes.
REMEMBERED_LINES: Final = 512
# Names of objects that have heartbeats: two for each node of a large cluster.
REMEMBERED_NAMES: Final = 16_384


class Line:
    """One line of a watch: `{"type":...,"object":...}`."""

    __slots__ = ("_models", "kind", "name", "obj", "raw", "revision")

    def __init__(self, raw: bytes, event: Json) -> None:
        self.raw = raw
        self.kind: str = event["type"]
        self.obj: Json = event["object"]  # nobody's to change
        self._models: dict[type[Any], Any] = {}
        self.name = _NAMELESS
        self.revision = 0
        if self.kind != "ERROR":
            metadata = event["object"]["metadata"]
            self.revision = int(metadata["resourceVersion"])
            if self.kind not in _NAMELESS_KINDS:
                self.name = Name(metadata.get("namespace", ""), metadata["name"])

    def model(self, model: type[Any]) -> Any:
        """The object as that model. Raises KeyError, TypeError or ValueError if it is none."""
        found = self._models.get(model)
        if found is None:
            found = self._models[model] = structure(self.obj, model)
        return found


def read(raw: bytes) -> Line:
    """The line, shared with whoever has read the same bytes lately."""
    line = _recent.get(raw)
    if line is None:
        line = Line(raw, loads(raw))
        if len(_recent) >= REMEMBERED_LINES:
            del _recent[next(iter(_recent))]
        _recent[raw] = line
    return line


def beats_in(told: Json, after: int) -> dict[Name, int]:
    """Whose heartbeats above a revision are told of together, and at which revisions they are."""
    revisions = told["revisions"].items()
    return {_name_of(path): revision for path, revision in revisions if revision > after}


def present_in(found: Json) -> dict[Name, Json]:
    """The objects of a list. Raises AttributeError, KeyError, TypeError or ValueError."""
    present: dict[Name, Json] = {}
    for item in found.get("items") or ():
        metadata = item["metadata"]
        int(metadata["resourceVersion"])  # an object that does not say it is none of an API's
        present[Name(metadata.get("namespace", ""), metadata["name"])] = item
    return present


def revision_of(found: Json) -> int:
    """The resourceVersion of a list. Raises as `present_in`."""
    return int(found["metadata"]["resourceVersion"])


@lru_cache(maxsize=REMEMBERED_NAMES)
def _name_of(path: str) -> Name:
    namespace, _, name = path.rpartition("/")
    return Name(namespace, name)


_NAMELESS: Final = Name("", "")
_NAMELESS_KINDS: Final = ("BOOKMARK", EVENT)
_recent: Final[dict[bytes, Line]] = {}
