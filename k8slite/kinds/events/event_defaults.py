"""What an Event of events.k8s.io gets where nothing was said."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def default_event(event: Json) -> None:
    """Times, source and object are printed though empty."""
    event.setdefault("eventTime", None)
    event.setdefault("regarding", {})
    event.setdefault("deprecatedSource", {})
    event.setdefault("deprecatedFirstTimestamp", None)
    event.setdefault("deprecatedLastTimestamp", None)
