"""Which of several Stages of KWOK that select a pod is played (pure).

One is drawn by weight (`weight`, or what `weightFrom` finds in the pod); without any weight all are
as likely as each other, and one whose weight cannot be read counts only where no weight can
(upstream: `lifecycle.go`, `value_int_from.go`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from k8slite.kubelet.runtimes.stage_expressions import told

Json = dict[str, Any]


def chosen(fitting: Sequence[Json], pod: Mapping[str, Any], drawn: float) -> Json:
    """One of the Stages, of which there is at least one; `drawn` (0 to 1) says which."""
    ordered = sorted(fitting, key=lambda one: str(one["metadata"]["name"]))
    weights = [_weight(one["spec"], pod) for one in ordered]
    heavy = [(one, weight) for one, weight in zip(ordered, weights, strict=True) if weight]
    if not heavy:
        known = [one for one, weight in zip(ordered, weights, strict=True) if weight is not None]
        found = known or ordered
        return found[int(drawn * len(found))]
    left = drawn * sum(weight for _, weight in heavy)
    for one, weight in heavy:
        left -= weight
        if left < 0:
            return one
    return heavy[-1][0]


def _weight(spec: Mapping[str, Any], pod: Mapping[str, Any]) -> int | None:
    """At least 0; None if what is found is not a number."""
    found = told(spec, "weight", pod)
    try:
        return max(int(spec.get("weight") or 0) if found is None else int(found), 0)
    except ValueError:
        return None
