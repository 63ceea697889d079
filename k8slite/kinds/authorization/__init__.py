"""What somebody may do: reviews that are answered and never kept."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.authorization.strategies import STRATEGIES
from k8slite.kinds.entry import virtual
from k8slite.kinds.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    virtual(
        "authorization.k8s.io",
        "v1",
        "LocalSubjectAccessReview",
        "localsubjectaccessreviews",
        strategies=STRATEGIES,
        namespaced=True,
    ),
    virtual(
        "authorization.k8s.io",
        "v1",
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        strategies=STRATEGIES,
    ),
    virtual(
        "authorization.k8s.io",
        "v1",
        "SelfSubjectRulesReview",
        "selfsubjectrulesreviews",
        strategies=STRATEGIES,
    ),
    virtual(
        "authorization.k8s.io",
        "v1",
        "SubjectAccessReview",
        "subjectaccessreviews",
        strategies=STRATEGIES,
    ),
)
