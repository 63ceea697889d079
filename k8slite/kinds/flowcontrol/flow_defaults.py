"""What FlowSchemas and priority levels get where nothing was said.

Mirrors `pkg/apis/flowcontrol/v1/defaults.go`.
"""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

MATCHING_PRECEDENCE: Final = 1000
CONCURRENCY_SHARES: Final = 30


def default_flow_schema(schema: Json) -> None:
    """Fill in a FlowSchema."""
    spec = schema.setdefault("spec", {})
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = MATCHING_PRECEDENCE
    schema.setdefault("status", {})


def default_priority_level(level: Json) -> None:
    """Fill in a PriorityLevelConfiguration."""
    spec = level.setdefault("spec", {})
    exempt = spec.get("exempt")
    if exempt is not None:
        exempt.setdefault("nominalConcurrencyShares", 0)
        exempt.setdefault("lendablePercent", 0)
    limited = spec.get("limited")
    if limited is not None:
        limited.setdefault("nominalConcurrencyShares", CONCURRENCY_SHARES)
        limited.setdefault("lendablePercent", 0)
        queuing = limited.get("limitResponse", {}).get("queuing")
        if queuing is not None:
            for key, value in _QUEUING:
                if not queuing.get(key):
                    queuing[key] = value
    level.setdefault("status", {})


_QUEUING: Final = (("queues", 64), ("handSize", 8), ("queueLengthLimit", 50))
