"""Which volume a claim gets, and which claims a pod mounts. Pure.

Mirrors `component-helpers/storage/volume`: the binder and the scheduler must judge alike. A volume
that was bound to the claim beforehand goes first; of others that fit the smallest is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from k8slite.kinds.core.models import Node, Pod
from k8slite.kinds.core.node_matching import term_match
from k8slite.kinds.core.volume_models import PersistentVolume, PersistentVolumeClaim
from k8slite.objects.quantity import whole
from k8slite.objects.selectors import EVERYTHING, selector_of

SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
BIND_COMPLETED: Final = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER: Final = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY: Final = "pv.kubernetes.io/provisioned-by"
_BETA_CLASS: Final = "volume.beta.kubernetes.io/storage-class"

Suits = Callable[[PersistentVolume], bool]


def class_of(obj: PersistentVolume | PersistentVolumeClaim) -> str:
    """The storage class of a claim or volume, "" for none."""
    beta = obj.metadata.annotations.get(_BETA_CLASS)
    return beta if beta is not None else obj.spec.storage_class_name or ""


def requested_bytes(claim: PersistentVolumeClaim) -> int:
    """How much a claim asks for."""
    return whole(claim.spec.resources.requests.get("storage", "0"))


def capacity_bytes(volume: PersistentVolume) -> int:
    """How much a volume holds."""
    return whole(volume.spec.capacity.get("storage", "0"))


def refers_to(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Whether a volume is bound, or reserved, for a claim (upstream: `IsVolumeBoundToClaim`)."""
    reference = volume.spec.claim_ref
    if reference is None:
        return False
    metadata = claim.metadata
    if (reference.namespace, reference.name) != (metadata.namespace, metadata.name):
        return False
    return reference.uid in ("", metadata.uid)


def reaches(volume: PersistentVolume, node: Node) -> bool:
    """Whether a volume can be had on a node (upstream: `CheckNodeAffinity`)."""
    affinity = volume.spec.node_affinity
    if affinity is None or affinity.required is None:
        return True
    metadata = node.metadata
    return any(
        term_match(term)(metadata.labels, metadata.name)
        for term in affinity.required.node_selector_terms
    )


def best_volume(
    claim: PersistentVolumeClaim,
    volumes: Iterable[PersistentVolume],
    *,
    delayed: bool = False,
    suits: Suits = lambda volume: True,
) -> PersistentVolume | None:
    """The volume for a claim, or None (upstream: `FindMatchingVolume`).

    `delayed`: only one that is reserved for the claim, since where the others go is the
    scheduler's choice. The scheduler says by `suits` what its node can have.
    """
    spec, size = claim.spec, requested_bytes(claim)
    selector = selector_of(spec.selector) if spec.selector is not None else EVERYTHING
    found: list[PersistentVolume] = []
    for volume in volumes:
        if (
            not set(spec.access_modes) <= set(volume.spec.access_modes)
            or capacity_bytes(volume) < size
            or volume.spec.volume_mode != spec.volume_mode
            or volume.metadata.deletion_timestamp is not None
            or volume.spec.volume_attributes_class_name != spec.volume_attributes_class_name
        ):
            continue
        if refers_to(volume, claim):
            return volume if suits(volume) else None
        if (
            not delayed
            and volume.spec.claim_ref is None
            and volume.status.phase == "Available"
            and selector.matches(volume.metadata.labels)
            and class_of(volume) == class_of(claim)
            and suits(volume)
        ):
            found.append(volume)
    return min(found, key=_order, default=None)


def mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim) -> str:
    """Why a volume that a claim names cannot be its, "" if it can (upstream:
    `checkVolumeSatisfyClaim`)."""
    if volume.metadata.deletion_timestamp is not None:
        return f'the volume is marked for deletion "{volume.metadata.name}"'
    if capacity_bytes(volume) < requested_bytes(claim):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if volume.spec.volume_mode != claim.spec.volume_mode:
        return "incompatible volumeMode"
    if not set(claim.spec.access_modes) <= set(volume.spec.access_modes):
        return "incompatible accessMode"
    return ""


def claims_of(pod: Pod) -> list[str]:
    """The names of the claims that a pod mounts, those made for it included."""
    found = []
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            found.append(volume.persistent_volume_claim.claim_name)
        elif volume.ephemeral is not None:
            found.append(ephemeral_claim(pod, volume.name))
    return found


def ephemeral_claim(pod: Pod, volume_name: str) -> str:
    """The name of the claim that is made for a pod's volume (upstream: `VolumeClaimName`)."""
    return f"{pod.metadata.name}-{volume_name}"


def _order(volume: PersistentVolume) -> tuple[int, int, str]:
    """Volumes with the fewest other access modes first, then the smallest."""
    return len(volume.spec.access_modes), capacity_bytes(volume), volume.metadata.name
