"""Leases (upstream: `pkg/apis/coordination/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid
from k8slite.objects.metadata_validation import NOT_NEGATIVE

Json = dict[str, Any]

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
    return found
