"""Events between core v1, in which they are kept, and events.k8s.io/v1.

The same object under other names: `involvedObject` is `regarding`, `message` is `note`, and what
only old recorders set is `deprecated...` (upstream: `apis/events/v1/conversion`).
"""

from __future__ import annotations

from typing import Final

from k8slite.kinds.kind import Json

# Core field -> events.k8s.io field; all others are called the same.
_RENAMED: Final = {
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
_RENAMED_BACK: Final = {new: old for old, new in _RENAMED.items()}


def from_core(obj: Json) -> Json:
    """A stored (core) event as events.k8s.io/v1."""
    return {_RENAMED.get(key, key): value for key, value in obj.items()}


def to_core(obj: Json) -> Json:
    """An events.k8s.io/v1 event as core v1."""
    return {_RENAMED_BACK.get(key, key): value for key, value in obj.items()}
