"""Storage classes, CSI drivers and what they attach."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.entry import entry, status
from k8slite.kinds.kind import Kind
from k8slite.kinds.storage.columns import TABLES
from k8slite.kinds.storage.strategies import STRATEGIES

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "storage.k8s.io",
        "v1",
        "CSIDriver",
        "csidrivers",
        strategies=STRATEGIES,
        namespaced=False,
        table=TABLES["csidrivers"],
    ),
    entry(
        "storage.k8s.io",
        "v1",
        "CSINode",
        "csinodes",
        strategies=STRATEGIES,
        namespaced=False,
        table=TABLES["csinodes"],
    ),
    entry(
        "storage.k8s.io",
        "v1",
        "CSIStorageCapacity",
        "csistoragecapacities",
        strategies=STRATEGIES,
    ),
    entry(
        "storage.k8s.io",
        "v1",
        "StorageClass",
        "storageclasses",
        strategies=STRATEGIES,
        namespaced=False,
        short_names=("sc",),
        table=TABLES["storageclasses"],
    ),
    entry(
        "storage.k8s.io",
        "v1",
        "VolumeAttachment",
        "volumeattachments",
        strategies=STRATEGIES,
        namespaced=False,
        subresources=(status("VolumeAttachment"),),
        table=TABLES["volumeattachments"],
    ),
    entry(
        "storage.k8s.io",
        "v1",
        "VolumeAttributesClass",
        "volumeattributesclasses",
        strategies=STRATEGIES,
        namespaced=False,
        short_names=("vac",),
        since=34,
        table=TABLES["volumeattributesclasses"],
    ),
)
