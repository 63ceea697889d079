"""Which group and version is served by whom."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.apiregistration.columns import TABLES
from k8slite.kinds.apiregistration.strategies import STRATEGIES
from k8slite.kinds.entry import entry, status
from k8slite.kinds.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "apiregistration.k8s.io",
        "v1",
        "APIService",
        "apiservices",
        strategies=STRATEGIES,
        namespaced=False,
        categories=("api-extensions",),
        subresources=(status("APIService"),),
        table=TABLES["apiservices"],
    ),
)
