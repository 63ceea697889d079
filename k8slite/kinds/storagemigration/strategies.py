"""How the kinds of group `storagemigration.k8s.io` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "storageversionmigrations": Strategy(status=True, generation=True, prepare=keep_status),
}
