"""Hypothesis draws plans: short lists of faults and a small seed.

What it draws is played elsewhere, many at a time; the shrinking is ours, since a run is a function
of its plan and not of what Hypothesis believes to have drawn.
"""

from __future__ import annotations

import random
from typing import Final

FAULTS_MOST: Final = 5  # in one plan
SEEDS: Final = 64


def draw(size: int, seed: int, count: int) -> list[list[int]]:
    """`count` lists: up to FAULTS_MOST indexes below `size`, then a seed for the run."""
    import hypothesis
    from hypothesis import strategies as st

    drawn: list[list[int]] = []
    most = min(FAULTS_MOST, size)
    indexes = st.integers(0, max(size - 1, 0))
    plans = st.tuples(
        st.lists(indexes, min_size=min(2, size), max_size=most, unique=True),
        st.integers(0, SEEDS - 1),
    )

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(plans)
    def collect(plan: tuple[list[int], int]) -> None:
        drawn.append([*plan[0], plan[1]])

    before = random.getstate()
    try:
        collect()
    finally:
        random.setstate(before)
    return drawn
