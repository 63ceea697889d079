"""Leases (upstream: `pkg/apis/coordination/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported
from k8slite.objects.metadata_validation import NOT_NEGATIVE, each
from k8slite.objects.names import is_qualified_name

Json = dict[str, Any]

_STRATEGIES: Final = ("OldestEmulationVersion",)
_NOT_POSITIVE: Final = "must be greater than 0"


def validate_lease(new: Json, _old: Json | None) -> list[Cause]:
    """A Lease."""
    spec = new.get("spec", {})
    found: list[Cause] = []
    seconds = spec.get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        found.append(invalid("spec.leaseDurationSeconds", seconds, _NOT_POSITIVE))
    transitions = spec.get("leaseTransitions")
    if transitions is not None and transitions < 0:
        found.append(invalid("spec.leaseTransitions", transitions, NOT_NEGATIVE))
    holder = spec.get("holderIdentity")
    if holder == "":
        found.append(invalid("spec.holderIdentity", holder, "must not be empty"))
    strategy = spec.get("strategy")
    if strategy is not None:
        at = "spec.strategy.strategy"  # upstream adds it twice
        if "/" in strategy:
            found += each(at, strategy, is_qualified_name(strategy))
        elif strategy not in _STRATEGIES:
            found.append(not_supported(at, strategy, _STRATEGIES))
    if spec.get("preferredHolder") and not strategy:
        text = "may only be specified if `strategy` is defined"
        found.append(forbidden("spec.preferredHolder", text))
    return found
