"""A pod goes where its claims' devices are, and claims without devices get theirs there.

A claim that has devices ties the pod to where these can be had. One that has none is given some
when the pod has its node: what the decision found is written, with the pod as the claim's user,
before the pod is bound. A claim that nobody uses and whose devices are out of reach loses them, so
that it can have others (upstream: DynamicResources).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from attrs import frozen

from k8slite.client.client import STRATEGIC_MERGE_PATCH, Client
from k8slite.client.resource import DEVICE_CLASSES, PODS, RESOURCE_CLAIMS
from k8slite.kinds.resource.models import DeviceClass, ResourceClaim
from k8slite.kinds.resource.pod_claims import (
    ClaimNotMade,
    is_for_pod,
    not_for_pod,
    pod_claims,
)
from k8slite.scheduler.devices.allocation import Taken, TakesTooLong, UnfitPool, allocate
from k8slite.scheduler.devices.claiming import deallocate, write_claim
from k8slite.scheduler.devices.demands import BadClaim, ClaimDemands, NoClass, demands_of
from k8slite.scheduler.devices.pools import selects
from k8slite.scheduler.devices.results import allocation
from k8slite.scheduler.plugin import (
    SKIP,
    CycleFailed,
    Event,
    FilterPlugin,
    PostFilterPlugin,
    PostFilterResult,
    PreBindPlugin,
    PreEnqueuePlugin,
    PreFilterResult,
    ReservePlugin,
    Search,
    Setting,
    Status,
)
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo

Json = dict[str, Any]

OUT_OF_REACH: Final = "resourceclaim not available on the node"
NOT_ALL: Final = "cannot allocate all claims"


class ClaimsUnusable(Exception):
    """A claim of a pod is not there, or not for the pod; the text says why."""


@frozen
class _Claims:
    """The claims of a pod: with devices, and those that get them when the pod has its node."""

    allocated: tuple[ResourceClaim, ...]
    pending: tuple[ClaimDemands, ...]


class DynamicResources(
    PreEnqueuePlugin, FilterPlugin, PostFilterPlugin, ReservePlugin, PreBindPlugin
):
    """Looks at spec.resourceClaims, the claims, their classes and the devices that there are."""

    name = "DynamicResources"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        # What pods are to get, by their UIDs and those of the claims.
        self._reserved: dict[str, dict[str, Json]] = {}

    def helped_by(self, pod: PodInfo, event: Event) -> bool:
        if event.resource is RESOURCE_CLAIMS:
            return self._helped_by_claim(pod, event.old, event.new)
        return event.resource is not PODS and event.resource.group == RESOURCE_CLAIMS.group

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        try:
            list(self._claims(pod))
        except (ClaimNotMade, ClaimsUnusable) as reason:
            return Status((str(reason),), True, self.name)
        return None

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        try:
            claims = self._read(pod)
        except (ClaimNotMade, ClaimsUnusable, NoClass) as reason:
            return PreFilterResult(refusal=Status((str(reason),), True, self.name))
        if claims is None:
            return SKIP

        def look(node: NodeInfo) -> Status | None:
            found = self._look(claims, node)
            return found if isinstance(found, Status) else None

        return PreFilterResult(look)

    def post_filter(self, pod: PodInfo, search: Search) -> PostFilterResult:
        if not pod.pod.spec.resource_claims:
            return PostFilterResult(_NOTHING_TO_DEALLOCATE)
        try:
            claims = list(self._claims(pod))
        except (ClaimNotMade, ClaimsUnusable):
            return PostFilterResult(_NOTHING_TO_DEALLOCATE)
        refused = [
            node
            for name, status in search.refusals().items()
            if status.reasons == (OUT_OF_REACH,) and (node := self.snapshot.get(name)) is not None
        ]
        unavailable = [
            claim
            for claim in claims
            if any(not _available(claim, node) for node in refused)
            and all(one.uid == pod.uid for one in claim.status.reserved_for)
        ]
        if not unavailable:
            return PostFilterResult("still not schedulable")
        claim = self.setting.chance.choice(unavailable)
        return PostFilterResult(
            "deallocation of ResourceClaim completed", carry_out=partial(deallocate, claim)
        )

    def reserve(self, pod: PodInfo, node: NodeInfo) -> Status | None:
        try:
            claims = self._read(pod)
        except (ClaimNotMade, ClaimsUnusable, NoClass) as reason:
            return Status((str(reason),), True, self.name)
        if claims is None or not claims.pending:
            return None
        found = self._look(claims, node)
        if isinstance(found, Status):
            return found
        reserved = self._reserved[pod.uid] = {}
        for one, taken in zip(claims.pending, found, strict=True):
            result = reserved[one.claim.metadata.uid] = allocation(
                one.claim, taken, self.setting.chance
            )
            self.setting.view.devices_in_use.give(one.claim, result)
        return None

    def unreserve(self, pod: PodInfo, node_name: str) -> None:
        in_use = self.setting.view.devices_in_use
        for uid in self._reserved.pop(pod.uid, {}):
            if in_use.on_its_way(uid):
                in_use.take_back(uid)

    async def give_back(self, client: Client, pod: PodInfo, node_name: str) -> None:
        for claim in self._claims_left(pod):
            if claim.status.allocation is not None and claim.reserved_for(pod.uid):
                patch = {
                    "metadata": {"uid": claim.metadata.uid},
                    "status": {"reservedFor": [{"$patch": "delete", "uid": pod.uid}]},
                }
                await client.patch(
                    RESOURCE_CLAIMS,
                    claim.metadata.name,
                    patch,
                    claim.metadata.namespace,
                    subresource="status",
                    patch_type=STRATEGIC_MERGE_PATCH,
                )

    def needed(self, pod: PodInfo, node_name: str) -> bool:
        return bool(pod.pod.spec.resource_claims)

    async def pre_bind(self, client: Client, pod: PodInfo, node_name: str) -> Status | None:
        in_use = self.setting.view.devices_in_use
        reserved = self._reserved.get(pod.uid, {})
        try:
            claims = list(self._claims(pod))
        except (ClaimNotMade, ClaimsUnusable) as reason:
            return Status((str(reason),))
        for claim in claims:
            given = reserved.get(claim.metadata.uid)
            in_use.settle(await write_claim(client, claim, pod.pod.metadata, given))
        return None

    def _helped_by_claim(
        self, pod: PodInfo, old: ResourceClaim | None, new: ResourceClaim | None
    ) -> bool:
        """Upstream: `isSchedulableAfterClaimChange`."""
        try:
            used = [one.metadata.uid for one in self._claims(pod)]
        except (ClaimNotMade, ClaimsUnusable):
            return False
        had = old is not None and old.status.allocation is not None
        if had and (new is None or new.status.allocation is None):
            return True  # its devices are free
        if new is None or new.metadata.uid not in used:
            return False
        return old is None or old.status != new.status

    def _claims_left(self, pod: PodInfo) -> Iterator[ResourceClaim]:
        try:
            yield from self._claims(pod)
        except (ClaimNotMade, ClaimsUnusable):
            return

    def _claims(self, pod: PodInfo) -> Iterator[ResourceClaim]:
        """The claims of a pod, as they are known best. Raises ClaimNotMade, ClaimsUnusable."""
        metadata, view = pod.pod.metadata, self.setting.view
        asked, made = pod.pod.spec.resource_claims, pod.pod.status.resource_claim_statuses
        for one in pod_claims(metadata, asked, made):
            claim: ResourceClaim | None
            claim = view.get(RESOURCE_CLAIMS, one.name, metadata.namespace)
            if claim is None:
                where = f"{metadata.namespace}/{one.name}"
                raise ClaimsUnusable(f'could not find ResourceClaim "{where}"')
            if claim.metadata.deletion_timestamp is not None:
                raise ClaimsUnusable(f'resourceclaim "{one.name}" is being deleted')
            if one.generated and not is_for_pod(claim, metadata):
                raise ClaimsUnusable(not_for_pod(claim, metadata))
            yield view.devices_in_use.newest(claim)

    def _read(self, pod: PodInfo) -> _Claims | None:
        """What a pod's claims have and want; None without claims.

        Raises ClaimNotMade, ClaimsUnusable and NoClass.
        """
        if not pod.pod.spec.resource_claims:
            return None
        allocated: list[ResourceClaim] = []
        pending: list[ClaimDemands] = []
        for claim in self._claims(pod):
            if claim.status.allocation is not None:
                allocated.append(claim)
                continue
            if self.setting.view.devices_in_use.on_its_way(claim.metadata.uid):
                raise ClaimsUnusable(
                    f"resource claim {claim.metadata.full_name} is in the process of being "
                    "allocated"
                )
            pending.append(demands_of(claim, self._class))
        if not allocated and not pending:
            return None
        return _Claims(tuple(allocated), tuple(pending))

    def _class(self, name: str) -> DeviceClass | None:
        found: DeviceClass | None = self.setting.view.get(DEVICE_CLASSES, name)
        return found

    def _look(self, claims: _Claims, node: NodeInfo) -> list[list[Taken]] | Status:
        """What the claims get on a node, or why it is not possible. Raises CycleFailed."""
        assert node.node is not None, "only nodes that exist are looked at"
        found: list[list[Taken]] | None = []
        if claims.pending:
            view = self.setting.view
            try:
                found = allocate(claims.pending, node.node, view.pools(), view.devices_in_use)
            except (UnfitPool, TakesTooLong) as reason:
                return Status((str(reason),), True, self.name)
            except BadClaim as failure:
                raise CycleFailed(f'running "{self.name}" filter plugin: {failure}') from None
        if found is None:
            return _NOT_ALL
        if not all(_available(claim, node) for claim in claims.allocated):
            return _OUT_OF_REACH
        return found


def _available(claim: ResourceClaim, node: NodeInfo) -> bool:
    """Whether what a claim has can be had on a node."""
    allocated = claim.status.allocation
    if allocated is None or allocated.node_selector is None:
        return True
    assert node.node is not None, "only nodes that exist are looked at"
    return selects(allocated.node_selector, node.node)


_NOTHING_TO_DEALLOCATE: Final = "no new claims to deallocate"
_NOT_ALL: Final = Status((NOT_ALL,), True, DynamicResources.name)
_OUT_OF_REACH: Final = Status((OUT_OF_REACH,), True, DynamicResources.name)
