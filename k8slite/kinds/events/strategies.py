"""How the kinds of group `events` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.core.event_validation import validate_new_event
from k8slite.kinds.events.event_defaults import default_event
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "events": Strategy(
        default=default_event,
        validate_spoken=validate_new_event,
        name_rule="path",
        create_on_update=True,
    ),
}
