"""What the devices of one claim must have in common, or must not have in common.

Once a device does not go with those that were taken, more devices do not make it go: so a search
may turn back at once (upstream: `matchAttributeConstraint`, `distinctAttributeConstraint`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define, field

from k8slite.kinds.resource.models import DeviceConstraint
from k8slite.scheduler.devices.pools import PooledDevice

Value = tuple[str, Any]  # the type of an attribute and its value


@define(eq=False)
class Constraint:
    """One of them, and the values of the devices that were taken."""

    said: DeviceConstraint
    _values: list[Value] = field(factory=list)

    def take(self, names: Sequence[str], device: PooledDevice) -> bool:
        """Count a device for a request, that goes by `names`; False if it does not go."""
        if not self._concerns(names):
            return True
        value = attribute_of(device, self.said.match_attribute or self.said.distinct_attribute)
        if value is None:
            return False
        alike = value in self._values
        if self._values and alike != bool(self.said.match_attribute):
            return False
        self._values.append(value)
        return True

    def give_back(self, names: Sequence[str]) -> None:
        """The device that was taken last is none of them any more."""
        if self._concerns(names):
            self._values.pop()

    def _concerns(self, names: Sequence[str]) -> bool:
        return not self.said.requests or any(one in self.said.requests for one in names)


def attribute_of(device: PooledDevice, name: str) -> Value | None:
    """A device's attribute by its full name; those of its driver are found without it, too."""
    domain, _, id_ = name.partition("/")
    found = device.device.attributes.get(name)
    if found is None and domain == device.id.driver:
        found = device.device.attributes.get(id_)
    for kind in ("string", "int", "bool", "version"):
        if found is not None and found.get(kind) is not None:
            return kind, found[kind]
    return None
