"""What field selectors can select events.k8s.io events by (upstream: `apis/events/v1`).

They are selected as they are kept, as core events, under the names that these have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from k8slite.kinds.core.selectable import EVENT_FIELDS as CORE_FIELDS
from k8slite.kinds.kind import Json

_RENAMED: Final = {"involvedObject": "regarding", "reportingComponent": "reportingController"}


def _spoken(label: str) -> str:
    first, dot, rest = label.partition(".")
    return _RENAMED.get(first, first) + dot + rest


STORED_LABELS: Final[Mapping[str, str]] = {_spoken(label): label for label in CORE_FIELDS}
EVENT_FIELDS: Final[Mapping[str, Callable[[Json], str]]] = {
    spoken: CORE_FIELDS[label] for spoken, label in STORED_LABELS.items()
}
