"""Leases: who holds what, and since when."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.coordination.columns import TABLES
from k8slite.kinds.coordination.strategies import STRATEGIES
from k8slite.kinds.entry import entry
from k8slite.kinds.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "coordination.k8s.io",
        "v1",
        "Lease",
        "leases",
        strategies=STRATEGIES,
        table=TABLES["leases"],
    ),
)
