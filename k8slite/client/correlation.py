"""Keeps events from flooding: counts repetitions, combines similar ones, stops a noisy source.

Pure: the caller says what time it is. The rules and numbers are those of upstream's
`client-go/tools/record` (EventCorrelator): first similar events are combined, then equal ones are
counted, then a token bucket for each source and object says whether anything is written.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime
from typing import Final, Generic, TypeVar

from attrs import define, evolve, field, frozen

from k8slite.kinds.models import Metadata

V = TypeVar("V")

REMEMBERED: Final = 4096  # entries of each memory; the oldest are forgotten
SIMILAR_MOST: Final = 10  # events that differ in their message only, before they are combined
SIMILAR_SECONDS: Final = 600.0  # how long after the last one an event still counts as similar
BURST_EVENTS: Final = 25  # of one source about one object
REFILL_SECONDS: Final = 300.0  # for one more after the burst


@frozen
class Reference:
    """The object that an event is about, as the recording component knows it."""

    api_version: str
    kind: str
    metadata: Metadata
    field_path: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from other objects."""
        metadata = self.metadata
        return (self.api_version, self.kind, metadata.namespace, metadata.name, metadata.uid)


@frozen
class Occurrence:
    """Something happened to an object."""

    regarding: Reference
    type: str
    reason: str
    message: str
    moment: datetime


@frozen
class Written:
    """The event object that stands for an occurrence: a new one (count 1), or one more."""

    occurrence: Occurrence
    count: int
    first_moment: datetime
    name: str  # "" for an event that has none yet
    key: Hashable


@define
class Correlator:
    """What one source has reported lately."""

    _similar: _Remembered[_Similar] = field(factory=lambda: _Remembered(REMEMBERED))
    _known: _Remembered[Written] = field(factory=lambda: _Remembered(REMEMBERED))
    _buckets: _Remembered[_Bucket] = field(factory=lambda: _Remembered(REMEMBERED))

    def correlate(self, occurrence: Occurrence, now: float) -> Written | None:
        """What to write for an occurrence, or None if its source has been too noisy.

        `now` is in seconds of any steady clock. `written` must be told of a success.
        """
        occurrence, key = self._combined(occurrence, now)
        known = self._known.get(key)
        if known is None:
            found = Written(occurrence, 1, occurrence.moment, "", key)
        else:
            found = evolve(known, occurrence=occurrence, count=known.count + 1)
        self._known.put(key, found)
        bucket = self._buckets.get(occurrence.regarding.key)
        if bucket is None:
            bucket = _Bucket(float(BURST_EVENTS), now)
            self._buckets.put(occurrence.regarding.key, bucket)
        return found if bucket.take(now) else None

    def written(self, event: Written, name: str) -> None:
        """Note under which name an event is stored."""
        self._known.put(event.key, evolve(event, name=name))

    def _combined(self, occurrence: Occurrence, now: float) -> tuple[Occurrence, Hashable]:
        regarding = occurrence.regarding
        group = (regarding.key, occurrence.type, occurrence.reason)
        similar = self._similar.get(group)
        if similar is None or now - similar.last > SIMILAR_SECONDS:
            similar = _Similar()
            self._similar.put(group, similar)
        similar.last = now
        similar.messages[occurrence.message] = None
        if len(similar.messages) < SIMILAR_MOST:
            return occurrence, (group, regarding.field_path, occurrence.message)
        similar.messages.popitem()
        message = f"(combined from similar events): {occurrence.message}"
        return evolve(occurrence, message=message), group


@define
class _Similar:
    """The messages of a group of events; a dictionary, for its order."""

    messages: dict[str, None] = field(factory=dict)
    last: float = float("-inf")


@define
class _Bucket:
    """Tokens for events; one comes back every REFILL_SECONDS."""

    tokens: float
    filled: float

    def take(self, now: float) -> bool:
        refill = (now - self.filled) / REFILL_SECONDS
        self.tokens = min(self.tokens + refill, float(BURST_EVENTS))
        self.filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class _Remembered(Generic[V]):
    """A dictionary that forgets what was not used for longest."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: Hashable, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)
