"""Priority and fairness of requests."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.entry import entry, status
from k8slite.kinds.flowcontrol.columns import TABLES
from k8slite.kinds.flowcontrol.conversion import v1beta3_from_stored, v1beta3_to_stored
from k8slite.kinds.flowcontrol.strategies import STRATEGIES
from k8slite.kinds.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "flowcontrol.apiserver.k8s.io",
        "v1",
        "FlowSchema",
        "flowschemas",
        strategies=STRATEGIES,
        namespaced=False,
        subresources=(status("FlowSchema"),),
        table=TABLES["flowschemas"],
    ),
    entry(
        "flowcontrol.apiserver.k8s.io",
        "v1",
        "PriorityLevelConfiguration",
        "prioritylevelconfigurations",
        strategies=STRATEGIES,
        namespaced=False,
        subresources=(status("PriorityLevelConfiguration"),),
        table=TABLES["prioritylevelconfigurations"],
    ),
    entry(
        "flowcontrol.apiserver.k8s.io",
        "v1beta3",
        "FlowSchema",
        "flowschemas",
        strategies=STRATEGIES,
        namespaced=False,
        until=31,
        subresources=(status("FlowSchema"),),
        storage="flowcontrol.apiserver.k8s.io/v1",
        table=TABLES["flowschemas"],
    ),
    entry(
        "flowcontrol.apiserver.k8s.io",
        "v1beta3",
        "PriorityLevelConfiguration",
        "prioritylevelconfigurations",
        strategies=STRATEGIES,
        namespaced=False,
        until=31,
        subresources=(status("PriorityLevelConfiguration"),),
        storage="flowcontrol.apiserver.k8s.io/v1",
        from_stored=v1beta3_from_stored,
        to_stored=v1beta3_to_stored,
        table=TABLES["prioritylevelconfigurations"],
    ),
)
