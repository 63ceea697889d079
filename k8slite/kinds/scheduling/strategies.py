"""How the kinds of group `scheduling` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.kind import Strategy
from k8slite.kinds.scheduling.priority_defaults import default_priority_class
from k8slite.kinds.scheduling.priority_validation import validate_priority_class

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "priorityclasses": Strategy(
        default=default_priority_class,
        validate=validate_priority_class,
        generation=True,
        generation_fields=(),
    ),
}
