"""A watch's lines, read once however many mirrors they reach.

Controllers, scheduler and kubelets of one process watch the same pods. What they get are the same
bytes, and what is made of them are values: decoding and structuring is done by the first who asks,
and all of them keep one copy. A line in which a Lease or a Node does nothing but live is not even
decoded: what the line before it was made into has its revision and its times exchanged. All this is
a pure function's memory, so a simulated run is none the wiser.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import define

from k8slite.kinds.heartbeats import beaten
from k8slite.objects.codec import loads
from k8slite.objects.heartbeats import Shape, shape_of
from k8slite.objects.meta import Name
from k8slite.objects.structure import structure

Json = dict[str, Any]

# Mirrors that are this many events apart read for themselves: bounds the memory to a few megabytes.
REMEMBERED_LINES: Final = 512
# Objects whose last heartbeat is remembered; a simulated or a large live cluster has two for each
# node. Bounds the memory to some tens of megabytes.
REMEMBERED_BEATS: Final = 16_384
# What follows the resourceVersion tells which object it is: the name comes first.
_TELLING_BYTES: Final = 128
_BEATING: Final = tuple(
    b'{"type":"MODIFIED","object":{"kind":"%b","apiVersion":"%b","metadata":{"resourceVersion":"'
    % kind
    for kind in ((b"Lease", b"coordination.k8s.io/v1"), (b"Node", b"v1"))
)


class Line:
    """One line of a watch: `{"type":...,"object":...}`."""

    __slots__ = ("_models", "_obj", "kind", "name", "raw", "revision")

    def __init__(self, raw: bytes, event: Json) -> None:
        self.raw = raw
        self.kind: str = event["type"]
        self._obj: Json | None = event["object"]
        self._models: dict[type[Any], Any] = {}
        self.name = _NAMELESS
        self.revision = 0
        if self.kind != "ERROR":
            metadata = event["object"]["metadata"]
            self.revision = int(metadata["resourceVersion"])
            if self.kind != "BOOKMARK":
                self.name = Name(metadata.get("namespace", ""), metadata["name"])

    @property
    def obj(self) -> Json:
        """The decoded object, nobody's to change."""
        found = self._obj
        if found is None:
            found = self._obj = loads(self.raw)["object"]
        return found

    def model(self, model: type[Any]) -> Any:
        """The object as that model. Raises KeyError, TypeError or ValueError if it is none."""
        found = self._models.get(model)
        if found is None:
            found = self._models[model] = structure(self.obj, model)
        return found

    def beaten(self, raw: bytes, revision: int, times: list[bytes]) -> Line:
        """The line of this object's next heartbeat."""
        line: Line = Line.__new__(Line)
        line.raw = raw
        line.kind = self.kind
        line.name = self.name
        line.revision = revision
        line._obj = None
        line._models = beaten(self._models, str(revision), times)
        return line


def read(raw: bytes) -> Line:
    """The line, shared with whoever has read the same bytes lately."""
    line = _recent.get(raw)
    if line is None:
        line = _beat(raw) if raw.startswith(_BEATING) else Line(raw, loads(raw))
        if len(_recent) >= REMEMBERED_LINES:
            del _recent[next(iter(_recent))]
        _recent[raw] = line
    return line


@define(eq=False)
class _Beat:
    """An object's last heartbeat, or the write before its first."""

    shape: Shape
    line: Line


def _beat(raw: bytes) -> Line:
    """The line of an object that may only have told that it lives."""
    begin = raw.find(b'",', _SHORTEST)
    key = raw[begin : begin + _TELLING_BYTES]
    known = _beats.get(key)
    found = known.shape.read(raw) if known is not None else None
    if known is not None and found is not None:
        known.line = known.line.beaten(raw, *found)
        return known.line
    event = loads(raw)
    line = Line(raw, event)
    shape = shape_of(raw, event, event["object"])
    if shape is not None:
        if len(_beats) >= REMEMBERED_BEATS:
            del _beats[next(iter(_beats))]
        _beats[key] = _Beat(shape, line)
    return line


_NAMELESS: Final = Name("", "")
_SHORTEST: Final = min(map(len, _BEATING))
_recent: Final[dict[bytes, Line]] = {}
_beats: Final[dict[bytes, _Beat]] = {}
