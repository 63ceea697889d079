"""A range of Services' addresses is ready, and stays while it is the only one that holds an address
in use (upstream: `pkg/controller/servicecidrs`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar, Final

from k8slite.client.client import STRATEGIC_MERGE_PATCH
from k8slite.client.recorder import Reference
from k8slite.client.resource import IP_ADDRESSES, SERVICE_CIDRS
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.models import Metadata, PartialObject
from k8slite.kinds.networking.models import ServiceCidr
from k8slite.kinds.networking.service_ranges import (
    ALLOCATOR,
    FINALIZER,
    MANAGED_BY,
    holds_address,
    holds_range,
    overlap,
)
from k8slite.objects.errors import ApiError, NotFound
from k8slite.objects.meta import Name, find_condition, timestamp
from k8slite.objects.structure import structure

Json = dict[str, Any]

# How long a range that is to go stays: who reserves addresses must have seen that it goes.
GRACE: Final = timedelta(seconds=10)

_READY: Final = {
    "type": "Ready",
    "status": "True",
    "reason": "",
    "message": "Kubernetes Service CIDR is ready",
}
_TERMINATING: Final = {
    "type": "Ready",
    "status": "False",
    "reason": "Terminating",
    "message": "There are still IPAddresses referencing the ServiceCIDR, please remove them or "
    "create a new ServiceCIDR",
}


class ServiceCidrController(Controller):
    """Its keys are the names of ServiceCIDRs."""

    name: ClassVar[str] = "service-cidr-controller"
    workers: ClassVar[int] = 5
    since: ClassVar[int] = 33

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._ranges = self.mirrors.of(SERVICE_CIDRS, ServiceCidr)
        self._addresses = self.mirrors.of(IP_ADDRESSES, PartialObject)
        self.watch(self._ranges, self._of_range)
        self.watch(self._addresses, self._of_address)

    async def reconcile(self, name: Name) -> float | None:
        """Hold a range and say that it is ready, or let it go, or say why it has to stay.

        Returns for how many seconds more one stays that could go.
        """
        found, document = self._ranges.get(name), self._ranges.document(name)
        if found is None or document is None:
            return None
        deleted = found.metadata.deletion_timestamp
        try:
            if deleted is None:
                await self._hold(found)
                await self._tell_ready(found, document)
            elif not _may_go(found, self._ranges.all(), self._addresses.all()):
                await self._tell(found, document, _TERMINATING)
            elif FINALIZER in found.metadata.finalizers:
                left = GRACE - (self.world.now() - deleted)
                if left > timedelta():
                    return left.total_seconds()
                await self._release(found, document)
        except NotFound:
            return None  # the mirror will tell
        return None

    async def _hold(self, found: ServiceCidr) -> None:
        if FINALIZER not in found.metadata.finalizers:
            await self._patch(found.metadata, {"finalizers": [FINALIZER]})

    async def _release(self, found: ServiceCidr, document: Json) -> None:
        """Let it go, if that is right by the newest state, too: the mirrors may be behind."""
        ranges = await self.client.list(SERVICE_CIDRS)
        addresses = await self.client.list(IP_ADDRESSES)
        all_ranges = [structure(one, ServiceCidr) for one in ranges["items"]]
        all_addresses = [structure(one, PartialObject) for one in addresses["items"]]
        if _may_go(found, all_ranges, all_addresses):
            await self._patch(found.metadata, {"$deleteFromPrimitiveList/finalizers": [FINALIZER]})
        else:
            await self._tell(found, document, _TERMINATING)

    async def _tell_ready(self, found: ServiceCidr, document: Json) -> None:
        try:
            await self._tell(found, document, _READY)
        except ApiError as error:
            if not isinstance(error, NotFound):
                message = "The ServiceCIDR Status can not be set to Ready=True"
                about = Reference(SERVICE_CIDRS.api_version, SERVICE_CIDRS.kind, found.metadata)
                self.recorder.event(about, "Warning", "KubernetesServiceCIDRError", message)
            raise

    async def _tell(self, found: ServiceCidr, document: Json, condition: Json) -> None:
        """Make the condition so, if it is not."""
        conditions = (document.get("status") or {}).get("conditions") or ()
        known = find_condition(conditions, "Ready") or {}
        if {**known, **condition} == known:
            return
        moment = timestamp(self.world.now())
        if known.get("status") == condition["status"]:
            moment = known.get("lastTransitionTime") or moment
        status = {"conditions": [{**condition, "lastTransitionTime": moment}]}
        await self._patch(found.metadata, {}, {"status": status}, subresource="status")

    async def _patch(
        self, one: Metadata, metadata: Json, rest: Json | None = None, *, subresource: str = ""
    ) -> None:
        await self.client.patch(
            SERVICE_CIDRS,
            one.name,
            {"metadata": {"uid": one.uid, **metadata}, **(rest or {})},
            subresource=subresource,
            patch_type=STRATEGIC_MERGE_PATCH,
        )

    def _of_range(self, old: ServiceCidr | None, new: ServiceCidr | None) -> Iterable[Name]:
        """It, and if it has come those that it may let go."""
        found = new or old
        assert found is not None, "a change is of something"
        yield found.metadata.full_name
        if old is None:
            for one in self._ranges.all():
                if one is not found and overlap(one.spec.cidrs, found.spec.cidrs):
                    yield one.metadata.full_name

    def _of_address(self, old: PartialObject | None, new: PartialObject | None) -> Iterable[Name]:
        """An address that has come or gone may hold a range that is to go, or have held it."""
        found = new or old
        assert found is not None, "a change is of something"
        if (old is None or new is None) and _is_reserved(found):
            for one in self._ranges.all():
                if holds_address(one.spec.cidrs, found.metadata.name):
                    yield one.metadata.full_name


def _may_go(
    found: ServiceCidr,
    ranges: Iterable[ServiceCidr],
    addresses: Iterable[PartialObject],
) -> bool:
    """Whether others hold all of it, or all addresses in use that are in it."""
    others = [
        cidr for one in ranges if one.metadata.name != found.metadata.name
        for cidr in one.spec.cidrs
    ]  # fmt: skip
    if all(holds_range(others, cidr) for cidr in found.spec.cidrs):
        return True
    return not any(
        _is_reserved(one)
        and holds_address(found.spec.cidrs, one.metadata.name)
        and not holds_address(others, one.metadata.name)
        for one in addresses
    )


def _is_reserved(address: PartialObject) -> bool:
    """Whether it is one that the API server has reserved for a Service."""
    return address.metadata.labels.get(MANAGED_BY) == ALLOCATOR
