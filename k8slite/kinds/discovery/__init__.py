"""Endpoint slices: where a service is to be found."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.discovery.columns import TABLES
from k8slite.kinds.discovery.strategies import STRATEGIES
from k8slite.kinds.entry import entry
from k8slite.kinds.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "discovery.k8s.io",
        "v1",
        "EndpointSlice",
        "endpointslices",
        strategies=STRATEGIES,
        table=TABLES["endpointslices"],
    ),
)
