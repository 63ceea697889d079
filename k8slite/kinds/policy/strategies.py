"""How the kinds of group `policy` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy
from k8slite.kinds.policy.budget_defaults import default_budget
from k8slite.kinds.policy.budget_validation import validate_budget, validate_budget_status

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "poddisruptionbudgets": Strategy(
        default=default_budget,
        prepare=keep_status,
        validate=validate_budget,
        validate_status=validate_budget_status,
        generation=True,
        status=True,
        unconditional_update=False,
    ),
}
