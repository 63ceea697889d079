"""What pods and nodes use: answered from the kubelets and never kept (upstream: metrics-server)."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.entry import virtual
from k8slite.kinds.kind import Kind

GROUP: Final = "metrics.k8s.io"
VERSION: Final = "v1beta1"

# Not among the built-in kinds: a cluster may have them from somewhere else.
KINDS: Final[tuple[Kind, ...]] = (
    virtual(GROUP, VERSION, "NodeMetrics", "nodes", strategies={}, verbs=("get", "list")),
    virtual(
        GROUP,
        VERSION,
        "PodMetrics",
        "pods",
        strategies={},
        verbs=("get", "list"),
        namespaced=True,
    ),
)
