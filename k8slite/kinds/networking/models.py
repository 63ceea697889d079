"""The networking group's kinds, as far as components read them."""

from __future__ import annotations

from attrs import frozen

from k8slite.kinds.models import Metadata


@frozen
class ServiceCidrSpec:
    cidrs: tuple[str, ...] = ()


@frozen
class ServiceCidr:
    metadata: Metadata
    spec: ServiceCidrSpec = ServiceCidrSpec()
