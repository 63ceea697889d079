"""Which ResourceClaims a pod has (upstream: `dynamic-resource-allocation/resourceclaim`). Pure.

A pod names a claim, or a template that one is made from: then its status says which. The scheduler,
the controller that makes claims and the kubelet must read that alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from attrs import frozen

from k8slite.kinds.models import Metadata
from k8slite.kinds.resource.models import ConsumerReference, ResourceClaim

# Held by a claim that has devices (upstream: `resourceapi.Finalizer`).
FINALIZER: Final = "resource.kubernetes.io/delete-protection"
# On a claim that was made for a pod: which of the pod's claims it is.
CLAIM_ANNOTATION: Final = "resource.kubernetes.io/pod-claim-name"


class ClaimNotMade(Exception):
    """A claim that is made from a template is not there yet; the text says whose it is."""


class Asking(Protocol):
    """An entry of a pod's spec.resourceClaims."""

    @property
    def name(self) -> str: ...
    @property
    def resource_claim_name(self) -> str: ...
    @property
    def resource_claim_template_name(self) -> str: ...


class Made(Protocol):
    """An entry of a pod's status.resourceClaimStatuses."""

    @property
    def name(self) -> str: ...
    @property
    def resource_claim_name(self) -> str | None: ...


@frozen
class PodClaim:
    """A claim of a pod; `generated`: it must be the pod's own."""

    entry: str  # of spec.resourceClaims
    name: str
    generated: bool


def pod_claim(metadata: Metadata, asked: Asking, made: Sequence[Made]) -> PodClaim | None:
    """The claim of one entry; None if none is needed. Raises ClaimNotMade."""
    if asked.resource_claim_name:
        return PodClaim(asked.name, asked.resource_claim_name, False)
    for one in made:
        if one.name == asked.name:
            name = one.resource_claim_name
            return PodClaim(asked.name, name, True) if name else None
    raise ClaimNotMade(f'pod "{metadata.full_name}": ResourceClaim not found')


def pod_claims(
    metadata: Metadata, asked: Sequence[Asking], made: Sequence[Made]
) -> Iterator[PodClaim]:
    """The claims of a pod, in the order of its spec. Raises ClaimNotMade."""
    for one in asked:
        found = pod_claim(metadata, one, made)
        if found is not None:
            yield found


def is_for_pod(claim: ResourceClaim, metadata: Metadata) -> bool:
    """Whether a claim was made for a pod (upstream: `IsForPod`)."""
    owner = claim.metadata.controller
    return owner is not None and owner.uid == metadata.uid


def not_for_pod(claim: ResourceClaim, metadata: Metadata) -> str:
    """What is said of a claim that was not."""
    return (
        f"ResourceClaim {claim.metadata.full_name} was not created for Pod "
        f"{metadata.full_name} (Pod is not owner)"
    )


def consumer(metadata: Metadata) -> ConsumerReference:
    """A pod, as status.reservedFor names it."""
    return ConsumerReference("", "pods", metadata.name, metadata.uid)
