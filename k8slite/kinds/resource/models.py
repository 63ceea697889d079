"""Devices and the claims on them, as far as components read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import Factory, field, frozen

from k8slite.kinds.core.affinity_models import NodeSelector
from k8slite.kinds.models import Metadata

Attributes = Mapping[str, Mapping[str, Any]]  # each of one type: {"string": "a"}, {"int": 1}

# What is asked for


@frozen
class CelSelector:
    expression: str = ""


@frozen
class DeviceSelector:
    cel: CelSelector | None = None


@frozen
class DeviceToleration:
    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None


@frozen
class DeviceDemand:
    """What a request, or one of its alternatives, asks for; of these `name` is an alternative's."""

    name: str = ""
    device_class_name: str = ""
    selectors: tuple[DeviceSelector, ...] = ()
    allocation_mode: str = "ExactCount"
    count: int = 1
    admin_access: bool = False
    tolerations: tuple[DeviceToleration, ...] = ()
    capacity: Mapping[str, Mapping[str, str]] = Factory(dict)  # "requests": how much of each


@frozen
class DeviceRequest:
    name: str = ""
    exactly: DeviceDemand | None = None
    first_available: tuple[DeviceDemand, ...] = ()


@frozen
class DeviceConstraint:
    requests: tuple[str, ...] = ()
    match_attribute: str = ""
    distinct_attribute: str = ""


@frozen
class DeviceClaim:
    requests: tuple[DeviceRequest, ...] = ()
    constraints: tuple[DeviceConstraint, ...] = ()
    config: tuple[Mapping[str, Any], ...] = ()


@frozen
class ResourceClaimSpec:
    devices: DeviceClaim = DeviceClaim()


# What was given


@frozen
class DeviceResult:
    """One device that a claim has got (upstream: `DeviceRequestAllocationResult`)."""

    request: str = ""
    driver: str = ""
    pool: str = ""
    device: str = ""
    admin_access: bool = False
    tolerations: tuple[DeviceToleration, ...] = ()
    share_id: str = ""  # of a device that others may have, too
    consumed_capacity: Mapping[str, str] = Factory(dict)


@frozen
class DeviceResults:
    results: tuple[DeviceResult, ...] = ()


@frozen
class Allocation:
    devices: DeviceResults = DeviceResults()
    node_selector: NodeSelector | None = None


@frozen
class ConsumerReference:
    api_group: str = ""
    resource: str = ""
    name: str = ""
    uid: str = ""


@frozen
class ResourceClaimStatus:
    allocation: Allocation | None = None
    reserved_for: tuple[ConsumerReference, ...] = ()


@frozen
class ResourceClaim:
    metadata: Metadata
    spec: ResourceClaimSpec = ResourceClaimSpec()
    status: ResourceClaimStatus = ResourceClaimStatus()

    def reserved_for(self, uid: str) -> bool:
        """Whether the pod of that UID may use it."""
        return any(one.uid == uid for one in self.status.reserved_for)


# What there is


@frozen
class DeviceTaint:
    key: str = ""
    value: str = ""
    effect: str = ""
    time_added: datetime | None = None


@frozen
class Device:
    name: str = ""
    attributes: Attributes = Factory(dict)
    capacity: Attributes = Factory(dict)
    taints: tuple[DeviceTaint, ...] = ()
    consumes_counters: tuple[Mapping[str, Any], ...] = ()
    allow_multiple_allocations: bool = False
    node_name: str = ""
    node_selector: NodeSelector | None = None
    all_nodes: bool = False


@frozen
class ResourcePool:
    name: str = ""
    generation: int = 0
    resource_slice_count: int = 0


@frozen
class ResourceSliceSpec:
    driver: str = ""
    pool: ResourcePool = ResourcePool()
    node_name: str = ""
    node_selector: NodeSelector | None = None
    all_nodes: bool = False
    per_device_node_selection: bool = False
    shared_counters: tuple[Mapping[str, Any], ...] = ()
    devices: tuple[Device, ...] = ()


@frozen
class ResourceSlice:
    metadata: Metadata
    spec: ResourceSliceSpec = ResourceSliceSpec()


@frozen
class DeviceClassSpec:
    selectors: tuple[DeviceSelector, ...] = ()
    config: tuple[Mapping[str, Any], ...] = ()
    extended_resource_name: str = ""


@frozen
class DeviceClass:
    metadata: Metadata
    spec: DeviceClassSpec = DeviceClassSpec()


@frozen
class DeviceTaintSelector:
    """Which devices a rule taints: of a driver, a pool, a name; what is not said is any."""

    driver: str | None = None
    pool: str | None = None
    device: str | None = None


@frozen
class DeviceTaintRuleSpec:
    device_selector: DeviceTaintSelector | None = None
    taint: DeviceTaint = field(factory=DeviceTaint)


@frozen
class DeviceTaintRule:
    metadata: Metadata
    spec: DeviceTaintRuleSpec = DeviceTaintRuleSpec()
