"""Events in their newer form; they are kept as core events."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.core.columns import TABLES
from k8slite.kinds.entry import entry
from k8slite.kinds.events.conversion import from_core, to_core
from k8slite.kinds.events.selectable import EVENT_FIELDS, STORED_LABELS
from k8slite.kinds.events.strategies import STRATEGIES
from k8slite.kinds.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "events.k8s.io",
        "v1",
        "Event",
        "events",
        strategies=STRATEGIES,
        storage="/v1",
        short_names=("ev",),
        stored_as=("", "events"),
        from_stored=from_core,
        to_stored=to_core,
        selectable=EVENT_FIELDS,
        stored_labels=STORED_LABELS,
        table=TABLES["events"],
    ),
)
