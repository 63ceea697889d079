"""How good a use of resources is, by the strategy that the configuration names (pure).

Upstream: `plugins/noderesources`, LeastAllocated, MostAllocated and RequestedToCapacityRatio. A
score is 0 to 100 for each resource; those of a node are averaged by their weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

SCORE_MOST: Final = 100
_SHAPE_SCORE_MOST: Final = 10  # scores of a shape's points are from 0 to this

Rating = Callable[[int, int], int]  # of what is requested of a resource, and what there is


def rating_of(strategy: Mapping[str, Any]) -> Rating:
    """The rating of one resource. Raises ValueError for a strategy that is none."""
    kind = strategy.get("type") or "LeastAllocated"
    if kind == "LeastAllocated":
        return _least_allocated
    if kind == "MostAllocated":
        return _most_allocated
    if kind == "RequestedToCapacityRatio":
        return _by_shape((strategy.get("requestedToCapacityRatio") or {}).get("shape") or ())
    raise ValueError(
        f'scoringStrategy.type: Unsupported value: "{kind}": supported values: '
        '"LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"'
    )


def weights_of(resources: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The weights of the resources that count; cpu and memory alike unless some are named."""
    return {one["name"]: one.get("weight") or 1 for one in resources} or {"cpu": 1, "memory": 1}


def _least_allocated(requested: int, capacity: int) -> int:
    return (capacity - requested) * SCORE_MOST // capacity if requested <= capacity else 0


def _most_allocated(requested: int, capacity: int) -> int:
    return min(requested, capacity) * SCORE_MOST // capacity


def _by_shape(points: Sequence[Mapping[str, Any]]) -> Rating:
    """Straight lines between the points, flat beyond them."""
    if not points:
        raise ValueError("requestedToCapacityRatio.shape: Required value: at least one point")
    shape: list[tuple[int, int]] = [
        (one["utilization"], one["score"] * SCORE_MOST // _SHAPE_SCORE_MOST) for one in points
    ]
    if any(a[0] >= b[0] for a, b in pairwise(shape)):
        raise ValueError("requestedToCapacityRatio.shape: utilization values must be sorted")

    def rate(requested: int, capacity: int) -> int:
        used = 100 if requested > capacity else requested * 100 // capacity
        before = shape[0]
        if used <= before[0]:
            return before[1]
        for at in shape[1:]:
            if used <= at[0]:
                rise, run = at[1] - before[1], at[0] - before[0]
                # As Go divides: towards zero.
                return before[1] + int(rise * (used - before[0]) / run)
            before = at
        return before[1]

    return rate
