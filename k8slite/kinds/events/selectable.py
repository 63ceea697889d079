"""What field selectors can select events.k8s.io events by (upstream: `apis/events/v1`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from k8slite.kinds.entry import text_at
from k8slite.kinds.kind import Json

EVENT_FIELDS: Final[Mapping[str, Callable[[Json], str]]] = {
    **{
        f"regarding.{part}": text_at("regarding", part)
        for part in (
            "kind",
            "namespace",
            "name",
            "uid",
            "apiVersion",
            "resourceVersion",
            "fieldPath",
        )
    },
    "reason": text_at("reason"),
    "reportingController": text_at("reportingController"),
    "type": text_at("type"),
}
