"""Ingresses, network policies, and the addresses of services."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.entry import entry, status
from k8slite.kinds.kind import Kind
from k8slite.kinds.networking.columns import TABLES
from k8slite.kinds.networking.strategies import STRATEGIES

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "networking.k8s.io",
        "v1",
        "IngressClass",
        "ingressclasses",
        strategies=STRATEGIES,
        namespaced=False,
        table=TABLES["ingressclasses"],
    ),
    entry(
        "networking.k8s.io",
        "v1",
        "Ingress",
        "ingresses",
        strategies=STRATEGIES,
        short_names=("ing",),
        subresources=(status("Ingress"),),
        table=TABLES["ingresses"],
    ),
    entry(
        "networking.k8s.io",
        "v1",
        "IPAddress",
        "ipaddresses",
        strategies=STRATEGIES,
        namespaced=False,
        short_names=("ip",),
        since=33,
        table=TABLES["ipaddresses"],
    ),
    entry(
        "networking.k8s.io",
        "v1",
        "NetworkPolicy",
        "networkpolicies",
        strategies=STRATEGIES,
        short_names=("netpol",),
        table=TABLES["networkpolicies"],
    ),
    entry(
        "networking.k8s.io",
        "v1",
        "ServiceCIDR",
        "servicecidrs",
        strategies=STRATEGIES,
        namespaced=False,
        since=33,
        subresources=(status("ServiceCIDR"),),
        table=TABLES["servicecidrs"],
    ),
)
