"""Who somebody is: reviews that are answered and never kept."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.authentication.strategies import STRATEGIES
from k8slite.kinds.entry import virtual
from k8slite.kinds.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    virtual(
        "authentication.k8s.io",
        "v1",
        "SelfSubjectReview",
        "selfsubjectreviews",
        strategies=STRATEGIES,
    ),
    virtual(
        "authentication.k8s.io",
        "v1",
        "TokenReview",
        "tokenreviews",
        strategies=STRATEGIES,
    ),
)
