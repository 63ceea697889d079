"""Requests to write objects again in the newest version."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.entry import entry, status
from k8slite.kinds.kind import Kind
from k8slite.kinds.storagemigration.columns import TABLES
from k8slite.kinds.storagemigration.strategies import STRATEGIES

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "storagemigration.k8s.io",
        "v1",
        "StorageVersionMigration",
        "storageversionmigrations",
        strategies=STRATEGIES,
        namespaced=False,
        since=37,
        subresources=(status("StorageVersionMigration"),),
        table=TABLES["storageversionmigrations"],
    ),
)
