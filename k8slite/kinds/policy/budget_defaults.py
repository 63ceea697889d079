"""What a PodDisruptionBudget prints though its author said nothing."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]


def default_budget(budget: Json) -> None:
    """Spec and the counts of the status."""
    budget.setdefault("spec", {})
    status = budget.setdefault("status", {})
    for key in _COUNTS:
        status.setdefault(key, 0)


_COUNTS: Final = ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")
