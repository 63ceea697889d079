"""The devices that drivers have published, pool by pool, and where they can be had.

A driver publishes a pool in one or several ResourceSlices. Those of the newest generation count; a
pool of which some are missing is incomplete, one in which a name comes twice is invalid, and of
both nothing is taken (upstream: `GatherPools`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import Factory, frozen

from k8slite.kinds.core.affinity_models import NodeSelector
from k8slite.kinds.core.models import Node
from k8slite.kinds.core.node_matching import term_match
from k8slite.kinds.resource.device_selectors import Device as SelectableDevice
from k8slite.kinds.resource.device_selectors import device_of
from k8slite.kinds.resource.models import (
    Device,
    DeviceTaint,
    DeviceTaintRule,
    ResourceSlice,
    ResourceSliceSpec,
)
from k8slite.objects.cel.environment import Failed
from k8slite.objects.quantity import nano


@frozen(order=True)
class DeviceId:
    """What tells a device from all others."""

    driver: str
    pool: str
    device: str

    def __str__(self) -> str:
        return f"{self.driver}/{self.pool}/{self.device}"


@frozen(eq=False)
class PooledDevice:
    """A device in its pool."""

    id: DeviceId
    device: Device
    slice: ResourceSliceSpec
    taints: tuple[DeviceTaint, ...]  # its own, and those that rules give it
    # As expressions see it, or why they cannot.
    selectable: SelectableDevice | Failed

    def reaches(self, node: Node) -> bool:
        """Whether a pod on the node can use it."""
        if self.slice.per_device_node_selection:
            one = self.device
            return _reaches(node, one.node_name, one.node_selector, one.all_nodes)
        one_slice = self.slice
        return _reaches(node, one_slice.node_name, one_slice.node_selector, one_slice.all_nodes)

    @property
    def node_name(self) -> str:
        """The only node that has it, or ""."""
        if self.slice.per_device_node_selection:
            return self.device.node_name
        return self.slice.node_name

    @property
    def node_selector(self) -> NodeSelector | None:
        """Which nodes have it, unless one or all do."""
        if self.slice.per_device_node_selection:
            return self.device.node_selector
        return self.slice.node_selector


@frozen(eq=False)
class Pool:
    """What a driver has published under one name."""

    driver: str
    name: str
    devices: tuple[PooledDevice, ...]
    complete: bool
    valid: bool
    # What its devices share, by counter set and counter, in billionths.
    counters: Mapping[tuple[str, str], int] = Factory(dict)

    def __str__(self) -> str:
        return f"{self.driver}/{self.name}"

    def on(self, node: Node) -> list[PooledDevice]:
        """Its devices that a pod on the node can use."""
        return [one for one in self.devices if one.reaches(node)]


def pools_of(slices: Iterable[ResourceSlice], rules: Sequence[DeviceTaintRule]) -> list[Pool]:
    """All pools, in the order of their drivers and names; slices in that of theirs."""
    by_pool: dict[tuple[str, str], list[ResourceSliceSpec]] = {}
    for one in sorted(slices, key=lambda one: one.metadata.name):
        by_pool.setdefault((one.spec.driver, one.spec.pool.name), []).append(one.spec)
    return [_pool(driver, name, specs, rules) for (driver, name), specs in sorted(by_pool.items())]


def _pool(
    driver: str, name: str, specs: Sequence[ResourceSliceSpec], rules: Sequence[DeviceTaintRule]
) -> Pool:
    newest = max(one.pool.generation for one in specs)
    current = [one for one in specs if one.pool.generation == newest]
    devices = tuple(_devices(driver, name, current, rules))
    return Pool(
        driver,
        name,
        devices,
        complete=len(current) == current[0].pool.resource_slice_count,
        valid=len({one.id for one in devices}) == len(devices),
        counters={
            (counters["name"], name): nano(counter["value"])
            for spec in current
            for counters in spec.shared_counters
            for name, counter in (counters.get("counters") or {}).items()
        },
    )


def _devices(
    driver: str, pool: str, specs: Iterable[ResourceSliceSpec], rules: Sequence[DeviceTaintRule]
) -> Iterator[PooledDevice]:
    for spec in specs:
        for device in spec.devices:
            id_ = DeviceId(driver, pool, device.name)
            given = tuple(one.spec.taint for one in rules if _is_meant(one, id_))
            taints = (*device.taints, *given)
            yield PooledDevice(id_, device, spec, taints, _selectable(driver, device))


def _selectable(driver: str, device: Device) -> SelectableDevice | Failed:
    try:
        return device_of(
            driver,
            _plain(device.attributes),
            _plain(device.capacity),
            shared=device.allow_multiple_allocations,
        )
    except Failed as failure:
        return failure


def _plain(values: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    return {name: dict(value) for name, value in values.items()}


def _is_meant(rule: DeviceTaintRule, device: DeviceId) -> bool:
    """Whether a rule taints a device (upstream: `resourceslice/tracker`)."""
    selector = rule.spec.device_selector
    if selector is None:
        return False
    return (
        selector.driver in (None, device.driver)
        and selector.pool in (None, device.pool)
        and selector.device in (None, device.device)
    )


def _reaches(node: Node, name: str, selector: NodeSelector | None, everywhere: bool) -> bool:
    if name:
        return node.metadata.name == name
    return everywhere or (selector is not None and selects(selector, node))


def selects(selector: NodeSelector, node: Node) -> bool:
    """Whether one of a selector's terms is true of a node."""
    labels, name = node.metadata.labels, node.metadata.name
    return any(term_match(one)(labels, name) for one in selector.node_selector_terms)
