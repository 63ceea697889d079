"""Devices that are claimed by pods."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.entry import entry, status, text_at
from k8slite.kinds.kind import Kind
from k8slite.kinds.resource.columns import TABLES
from k8slite.kinds.resource.strategies import STRATEGIES

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "resource.k8s.io",
        "v1",
        "DeviceClass",
        "deviceclasses",
        strategies=STRATEGIES,
        namespaced=False,
        since=34,
        table=TABLES["deviceclasses"],
    ),
    entry(
        "resource.k8s.io",
        "v1",
        "DeviceTaintRule",
        "devicetaintrules",
        strategies=STRATEGIES,
        namespaced=False,
        since=37,
        subresources=(status("DeviceTaintRule"),),
    ),
    entry(
        "resource.k8s.io",
        "v1",
        "ResourceClaim",
        "resourceclaims",
        strategies=STRATEGIES,
        since=34,
        subresources=(status("ResourceClaim"),),
        table=TABLES["resourceclaims"],
    ),
    entry(
        "resource.k8s.io",
        "v1",
        "ResourceClaimTemplate",
        "resourceclaimtemplates",
        strategies=STRATEGIES,
        since=34,
        table=TABLES["resourceclaimtemplates"],
    ),
    entry(
        "resource.k8s.io",
        "v1",
        "ResourceSlice",
        "resourceslices",
        strategies=STRATEGIES,
        namespaced=False,
        since=34,
        selectable={
            "spec.nodeName": text_at("spec", "nodeName"),
            "spec.driver": text_at("spec", "driver"),
        },
        table=TABLES["resourceslices"],
    ),
)
