"""Priority classes."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.entry import entry
from k8slite.kinds.kind import Kind
from k8slite.kinds.scheduling.columns import TABLES
from k8slite.kinds.scheduling.strategies import STRATEGIES

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "scheduling.k8s.io",
        "v1",
        "PriorityClass",
        "priorityclasses",
        strategies=STRATEGIES,
        namespaced=False,
        short_names=("pc",),
        table=TABLES["priorityclasses"],
    ),
)
