"""Node ports: each number given to one Service at a time, whatever its protocol.

Marked in memory, rebuilt from the stored Services. Upstream: `pkg/registry/core/service/
portallocator`, and `initNodePorts`, `updateNodePorts` and `allocHealthCheckNodePort` of `storage/
alloc.go`: one number serves all protocols of one port; where nobody asks for a certain one, the
upper part of the range comes first (KEP-3668), so that the lower one is left to those who do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field

from k8slite.kinds.core.service_defaults import needs_health_check
from k8slite.objects.errors import InternalError
from k8slite.objects.fields import invalid, refuse
from k8slite.world import World

Json = dict[str, Any]

NODE_PORTS: Final = range(30000, 32768)
_STATIC: Final = 86  # the first ones, given last: a 32nd of the range (at least 16, at most 128)
_DRY: Final = 32769  # what a dry run shows
_OUT_OF_RANGE: Final = (
    "provided port is not in the valid range. The range of valid ports is "
    f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
)
_ALLOCATED: Final = "provided port is already allocated"
_TYPES: Final = ("NodePort", "LoadBalancer")


class Refused(Exception):
    """Why a number cannot be had."""


@define(eq=False)
class ServicePorts:
    """The numbers in use."""

    world: World
    taken: set[int] = field(factory=set)

    def fill_in(self, new: Json, old: Json, dry_run: bool) -> list[int]:
        """Give a Service the numbers that it needs and has not got; those it has taken.

        What it took is given back if it cannot have all. Raises Invalid or InternalError.
        """
        operation = _Operation(self, dry_run)
        had = node_ports(old)
        spec = new["spec"]
        try:
            if spec.get("type") in _TYPES:
                if old and old.get("spec", {}).get("type") != "ExternalName":
                    _fill_in_changed(operation, new, had)
                else:
                    _fill_in_first(operation, new)
            if needs_health_check(spec) and not needs_health_check(old.get("spec") or {}):
                _fill_in_health_check(operation, spec)
        except BaseException:
            self.free(operation.marked())
            raise
        return operation.marked()

    def free(self, numbers: list[int]) -> None:
        """They may be given to others."""
        self.taken.difference_update(numbers)


@define
class _Operation:
    """What is taken for one write (upstream: `PortAllocationOperation`)."""

    ports: ServicePorts
    dry_run: bool
    numbers: list[int] = field(factory=list)

    def take(self, number: int) -> None:
        """Raises Refused."""
        # Upstream looks at the range where it marks: not in a dry run.
        if number not in NODE_PORTS and not self.dry_run:
            raise Refused(_OUT_OF_RANGE)
        if number in self.ports.taken or number in self.numbers:
            raise Refused(_ALLOCATED)
        self._mark(number)

    def pick(self) -> int:
        """Raises Refused."""
        if self.dry_run:
            number = max(self.numbers, default=_DRY - 1) + 1
            self._mark(number)
            return number
        for number in self._in_turn():
            if number not in self.ports.taken:
                self._mark(number)
                return number
        raise Refused("range is full")

    def marked(self) -> list[int]:
        return [] if self.dry_run else self.numbers

    def _mark(self, number: int) -> None:
        self.numbers.append(number)
        if not self.dry_run:
            self.ports.taken.add(number)

    def _in_turn(self) -> Iterator[int]:
        upper, lower = NODE_PORTS[_STATIC:], NODE_PORTS[:_STATIC]
        for part in (upper, lower):
            start = self.ports.world.chance.randrange(len(part))
            yield from part[start:]
            yield from part[:start]


def node_ports(service: Json) -> list[int]:
    """The numbers that a Service has on all nodes."""
    spec = service.get("spec") or {}
    found = [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]
    if needs_health_check(spec) and spec.get("healthCheckNodePort"):
        found.append(spec["healthCheckNodePort"])
    return list(dict.fromkeys(found))


def _fill_in_first(operation: _Operation, service: Json) -> None:
    ports = service["spec"].get("ports", ())
    by_port: dict[int, int] = {}  # port -> its number
    for index, port in enumerate(ports):
        number = port.get("nodePort") or 0
        if not number and not _are_wanted(service):
            continue
        given = by_port.get(port["port"])
        if given is None:
            same = (one.get("nodePort") for one in ports if one["port"] == port["port"])
            asked = next((one for one in same if one), 0)
            if asked:
                _take(operation, service, index, asked)
            given = asked or _pick(operation)
            by_port[port["port"]] = given
            port["nodePort"] = given
        elif not number:
            port["nodePort"] = given
        elif number != given:
            _take(operation, service, index, number)


def _fill_in_changed(operation: _Operation, service: Json, had: list[int]) -> None:
    for index, port in enumerate(service["spec"].get("ports", ())):
        number = port.get("nodePort") or 0
        if number:
            if number not in had and number not in operation.numbers:
                _take(operation, service, index, number)
        elif _are_wanted(service):
            port["nodePort"] = _pick(operation)


def _fill_in_health_check(operation: _Operation, spec: Json) -> None:
    asked = spec.get("healthCheckNodePort") or 0
    try:
        if asked:
            operation.take(asked)
        else:
            spec["healthCheckNodePort"] = operation.pick()
    except Refused as why:
        what = f"requested HealthCheck NodePort {asked}" if asked else "a HealthCheck NodePort 0"
        raise InternalError.of(f"failed to allocate {what}: {why}") from why


def _are_wanted(service: Json) -> bool:
    """Whether its ports get numbers for which nobody has asked."""
    spec = service["spec"]
    return spec.get("type") == "NodePort" or spec.get("allocateLoadBalancerNodePorts") is not False


def _take(operation: _Operation, service: Json, index: int, number: int) -> None:
    try:
        operation.take(number)
    except Refused as why:
        cause = invalid(f"spec.ports[{index}].nodePort", number, str(why))
        raise refuse("Service", "", service["metadata"]["name"], [cause]) from why


def _pick(operation: _Operation) -> int:
    try:
        return operation.pick()
    except Refused as why:
        raise InternalError.of(f"failed to allocate a nodePort: {why}") from why
