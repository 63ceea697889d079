"""Pod disruption budgets."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.entry import entry, status
from k8slite.kinds.kind import Kind
from k8slite.kinds.policy.columns import TABLES
from k8slite.kinds.policy.strategies import STRATEGIES

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "policy",
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        strategies=STRATEGIES,
        short_names=("pdb",),
        subresources=(status("PodDisruptionBudget"),),
        table=TABLES["poddisruptionbudgets"],
    ),
)
