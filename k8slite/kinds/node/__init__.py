"""Runtime classes."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.entry import entry
from k8slite.kinds.kind import Kind
from k8slite.kinds.node.columns import TABLES
from k8slite.kinds.node.strategies import STRATEGIES

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "node.k8s.io",
        "v1",
        "RuntimeClass",
        "runtimeclasses",
        strategies=STRATEGIES,
        namespaced=False,
        table=TABLES["runtimeclasses"],
    ),
)
