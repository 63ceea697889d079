"""A claim's requests with their classes: what is to be found for each, or one of what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from attrs import define, frozen

from k8slite.kinds.core.node_matching import tolerates
from k8slite.kinds.resource.device_selectors import DeviceSelector, compile_selector
from k8slite.kinds.resource.models import (
    DeviceClass,
    DeviceDemand,
    ResourceClaim,
)
from k8slite.kinds.resource.models import DeviceSelector as SaidSelector
from k8slite.objects.cel.environment import Failed, Uncompilable
from k8slite.scheduler.devices.pools import PooledDevice

Classes = Callable[[str], DeviceClass | None]


class BadClaim(Exception):
    """A claim or a class that cannot be followed, whatever devices there are."""


class NoClass(Exception):
    """A class that a request names does not exist (yet)."""


@frozen(eq=False)
class Demand:
    """What a request, or an alternative of one, asks for."""

    claim: ResourceClaim
    request: str  # its name
    alternative: str  # its name, or ""
    said: DeviceDemand
    device_class: DeviceClass

    @property
    def result_name(self) -> str:
        """As results name it."""
        return f"{self.request}/{self.alternative}" if self.alternative else self.request

    @property
    def names(self) -> tuple[str, ...]:
        """As constraints and configurations may name it."""
        return (self.request, self.result_name) if self.alternative else (self.request,)

    @property
    def name(self) -> str:
        """As messages name it."""
        return self.alternative or self.request

    def selects(self, device: PooledDevice) -> bool:
        """Whether the class and the request want such a device. Raises BadClaim."""
        of_class = self.device_class
        return _all_true(
            f"class {of_class.metadata.name}", of_class.spec.selectors, device
        ) and _all_true(f"claim {self.claim.metadata.full_name}", self.said.selectors, device)

    def tolerates(self, device: PooledDevice) -> bool:
        """Whether it bears a device's taints."""
        return all(
            one.effect not in ("NoSchedule", "NoExecute")
            or any(tolerates(other, one) for other in self.said.tolerations)
            for one in device.taints
        )


@define(eq=False)
class ClaimDemands:
    """A claim to be allocated: for each request the demands of which one is to be met."""

    claim: ResourceClaim
    requests: tuple[tuple[Demand, ...], ...]


def demands_of(claim: ResourceClaim, classes: Classes) -> ClaimDemands:
    """Read a claim. Raises NoClass."""
    return ClaimDemands(
        claim,
        tuple(
            tuple(
                Demand(claim, one.name, alternative, said, _class(said, one.name, classes))
                for alternative, said in (
                    [("", one.exactly)]
                    if one.exactly is not None
                    else [(other.name, other) for other in one.first_available]
                )
            )
            for one in claim.spec.devices.requests
        ),
    )


def _class(said: DeviceDemand, request: str, classes: Classes) -> DeviceClass:
    found = classes(said.device_class_name)
    if found is None:
        name = f"{request}/{said.name}" if said.name else request
        raise NoClass(f"request {name}: device class {said.device_class_name} does not exist")
    return found


def _all_true(owner: str, selectors: Iterable[SaidSelector], device: PooledDevice) -> bool:
    for i, compiled in enumerate(_compiled(owner, selectors)):
        if isinstance(device.selectable, Failed):
            raise BadClaim(f"{owner}: selector #{i} on device {device.id}: {device.selectable}")
        try:
            if not compiled.matches(device.selectable):
                return False
        except Failed as failure:
            what = f"selector #{i} on device {device.id}: CEL runtime error: {failure}"
            raise BadClaim(f"{owner}: {what}") from None
    return True


def _compiled(owner: str, selectors: Iterable[SaidSelector]) -> Iterator[DeviceSelector]:
    for i, one in enumerate(selectors):
        if one.cel is None:
            raise BadClaim(f"{owner}: selector #{i}: CEL expression empty")
        try:
            yield _selector(one.cel.expression)
        except Uncompilable as error:
            raise BadClaim(f"{owner}: selector #{i}: CEL compile error: {error}") from None


@lru_cache(maxsize=1024)  # expressions: those of the classes and claims of a busy cluster
def _selector(text: str) -> DeviceSelector:
    return compile_selector(text)
