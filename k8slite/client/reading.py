"""A watch's lines, read once however many mirrors they reach.

Controllers, scheduler and kubelets of one process watch the same pods. What they get are the same
bytes, and what is made of them are values: decoding and structuring is done by the first who asks,
and all of them keep one copy. A line in which a Lease or a Node does nothing but live is not even
decoded: what an earlier line, its basis, was made into has its revision and its times exchanged,
and that only where somebody asks. All this is a pure function's memory, so a simulated run is none
the wiser.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import define

from k8slite.kinds.heartbeats import beaten, beats
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

    __slots__ = ("_models", "_obj", "basis", "kind", "name", "raw", "revision", "times")

    def __init__(self, raw: bytes, event: Json) -> None:
        self.basis: Line | None = None  # that of which this is a heartbeat
        self.times: Sequence[bytes] = ()  # the heartbeat's; see `kinds.heartbeats`
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
            if self.basis is not None and beats(model):
                found = beaten(self.basis.model(model), str(self.revision), self.times)
            else:
                found = structure(self.obj, model)
            self._models[model] = found
        return found

    def beaten(self, raw: bytes, revision: int, times: list[bytes]) -> Line:
        """The line of a heartbeat of this object."""
        line: Line = Line.__new__(Line)
        line.basis = self
        line.times = times
        line.raw = raw
        line.kind = self.kind
        line.name = self.name
        line.revision = revision
        line._obj = self._obj = None  # what it was made into is enough
        line._models = {}
        return line


def read(raw: bytes) -> Line:
    """The line, shared with whoever has read the same bytes lately."""
    beating = raw.startswith(_BEATING)
    line = _heartbeat(raw) if beating else None
    if line is not None:
        return line
    line = _recent.get(raw)
    if line is None:
        event = loads(raw)
        line = Line(raw, event)
        if beating:
            _expect_heartbeats(line, event)
        if len(_recent) >= REMEMBERED_LINES:
            del _recent[next(iter(_recent))]
        _recent[raw] = line
    return line


@define(eq=False)
class _Beats:
    """The write before an object's first heartbeat, and what all that follow look like."""

    shape: Shape
    basis: Line
    last: Line


def _heartbeat(raw: bytes) -> Line | None:
    """The line, where the object only tells that it lives."""
    begin = raw.find(b'",', _SHORTEST)
    known = _beats.get(raw[begin : begin + _TELLING_BYTES])
    if known is None:
        return None
    last = known.last
    if last.raw == raw:
        return last
    found = known.shape.read(raw)
    if found is None:
        return None
    line = known.last = known.basis.beaten(raw, *found)
    return line


def _expect_heartbeats(line: Line, event: Json) -> None:
    """The next lines of an object may only tell that it lives."""
    raw, obj = line.raw, event["object"]
    if "deletionTimestamp" in obj["metadata"]:
        return  # that it lives is not all that it tells
    shape = shape_of(raw, event, obj)
    if shape is not None:
        if len(_beats) >= REMEMBERED_BEATS:
            del _beats[next(iter(_beats))]
        begin = raw.find(b'",', _SHORTEST)
        _beats[raw[begin : begin + _TELLING_BYTES]] = _Beats(shape, line, line)


_NAMELESS: Final = Name("", "")
_SHORTEST: Final = min(map(len, _BEATING))
_recent: Final[dict[bytes, Line]] = {}
_beats: Final[dict[bytes, _Beats]] = {}
