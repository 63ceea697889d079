"""The discovery group's kinds, as far as components read them."""

from __future__ import annotations

from attrs import frozen

from k8slite.kinds.core.models import EndpointPort, ObjectReference
from k8slite.kinds.models import Metadata


@frozen
class EndpointConditions:
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


@frozen
class Endpoint:
    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    hostname: str | None = None
    node_name: str | None = None
    zone: str | None = None
    target_ref: ObjectReference | None = None


@frozen
class EndpointSlice:
    metadata: Metadata
    address_type: str = "IPv4"
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[EndpointPort, ...] = ()
