"""What a pod's claims need of a node, and what they would get there (pure, but for the view).

Upstream: `plugins/volumebinding/binder.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from attrs import frozen

from k8slite.client.resource import (
    CSI_DRIVERS,
    CSI_STORAGE_CAPACITIES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
)
from k8slite.kinds.core.models import Pod
from k8slite.kinds.core.pod_volumes import Volume
from k8slite.kinds.core.volume_matching import (
    BIND_COMPLETED,
    SELECTED_NODE,
    best_volume,
    claims_of,
    class_of,
    ephemeral_claim,
    reaches,
    requested_bytes,
)
from k8slite.kinds.core.volume_models import (
    CsiDriver,
    CsiStorageCapacity,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    TopologyTerm,
)
from k8slite.objects.quantity import whole
from k8slite.objects.selectors import selector_of
from k8slite.scheduler.plugin import Event
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo
from k8slite.scheduler.view import View

NO_PROVISIONER: Final = "kubernetes.io/no-provisioner"
NO_SPACE: Final = "node(s) did not have enough free storage"
NO_VOLUME: Final = "node(s) didn't find available persistent volumes to bind"
OUT_OF_REACH: Final = "node(s) didn't match PersistentVolume's node affinity"
VOLUME_GONE: Final = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"


class Unavailable(Exception):
    """A claim of a pod cannot be had anywhere; the text says why."""


@frozen
class PodClaims:
    """The claims of a pod: with a volume, and those that get one when the pod has its node."""

    bound: tuple[PersistentVolumeClaim, ...]
    delayed: tuple[PersistentVolumeClaim, ...]


@frozen
class Choice:
    """What the delayed claims get on a node: volumes that there are, or that are to be made."""

    bindings: tuple[tuple[PersistentVolume, PersistentVolumeClaim], ...] = ()
    provisions: tuple[PersistentVolumeClaim, ...] = ()


def claims_of_pod(pod: Pod, view: View) -> PodClaims | None:
    """The claims that a pod mounts, None if it mounts none. Raises Unavailable."""
    found = [claim for one in pod.spec.volumes if (claim := _claim(pod, one, view)) is not None]
    if not found:
        return None
    bound = tuple(one for one in found if is_bound(one))
    unbound = [one for one in found if not is_bound(one)]
    if not all(one.spec.volume_name == "" and waits_for_consumer(one, view) for one in unbound):
        raise Unavailable("pod has unbound immediate PersistentVolumeClaims")
    return PodClaims(bound, tuple(sorted(unbound, key=requested_bytes)))


def choice_for(
    claims: PodClaims, node: NodeInfo, view: View, promised: Mapping[str, str]
) -> Choice | tuple[str, ...]:
    """What the claims get on a node, or why they cannot be had there.

    `promised`: volumes that were just chosen for claims, by name, with the UIDs of these.
    """
    assert node.node is not None, "only nodes that exist are looked at"
    at = node.node
    reasons: list[str] = []
    for claim in claims.bound:
        its: PersistentVolume | None = view.get(PERSISTENT_VOLUMES, claim.spec.volume_name)
        if its is None:
            return (VOLUME_GONE,)
        if not reaches(its, at) and OUT_OF_REACH not in reasons:
            reasons.append(OUT_OF_REACH)
    bindings: list[tuple[PersistentVolume, PersistentVolumeClaim]] = []
    provisions: list[PersistentVolumeClaim] = []
    for claim in claims.delayed:
        selected = claim.metadata.annotations.get(SELECTED_NODE)
        volume: PersistentVolume | None = None
        if selected is None:
            others = [name for name, uid in promised.items() if uid != claim.metadata.uid]
            others += [one.metadata.name for one, _ in bindings]
            found = [
                one
                for one in view.all(PERSISTENT_VOLUMES)
                if one.metadata.name not in others and reaches(one, at)
            ]
            volume = best_volume(claim, found)
        if volume is not None:
            bindings.append((volume, claim))
        elif selected in (None, node.name) and _can_be_made(claim, node, view):
            if not _has_space(claim, node, view):
                reasons.append(NO_SPACE)
                break
            provisions.append(claim)
        else:
            reasons.append(NO_VOLUME)
            break
    return tuple(reasons) if reasons else Choice(tuple(bindings), tuple(provisions))


def volume_may_help(pod: PodInfo, event: Event) -> bool:
    """Whether what happened to a claim, a volume or a class may be of use to a pod (upstream:
    `isSchedulableAfterPersistentVolumeClaimChange` and the like)."""
    if event.new is None:
        return False
    if event.resource is PERSISTENT_VOLUME_CLAIMS:
        name = event.new.metadata.full_name
        return name.namespace == pod.name.namespace and name.name in claims_of(pod.pod)
    return event.resource in (PERSISTENT_VOLUMES, STORAGE_CLASSES)


def space_may_help(event: Event) -> bool:
    """Whether there may be room for volumes that was not."""
    if event.resource is CSI_STORAGE_CAPACITIES:
        return event.new is not None
    if event.resource is not CSI_DRIVERS or event.old is None:
        return False
    told: bool = event.old.spec.storage_capacity
    return told and (event.new is None or not event.new.spec.storage_capacity)


def is_bound(claim: PersistentVolumeClaim) -> bool:
    """Whether a claim and its volume have each other (upstream: `isPVCFullyBound`)."""
    return bool(claim.spec.volume_name) and BIND_COMPLETED in claim.metadata.annotations


def waits_for_consumer(claim: PersistentVolumeClaim, view: View) -> bool:
    """Whether a claim's class has its volume chosen when a pod needs it."""
    found: StorageClass | None = view.get(STORAGE_CLASSES, class_of(claim))
    return found is not None and found.volume_binding_mode == "WaitForFirstConsumer"


def _claim(pod: Pod, volume: Volume, view: View) -> PersistentVolumeClaim | None:
    """The claim that a volume of a pod stands for. Raises Unavailable."""
    if volume.persistent_volume_claim is not None:
        name = volume.persistent_volume_claim.claim_name
    elif volume.ephemeral is not None:
        name = ephemeral_claim(pod, volume.name)
    else:
        return None
    found: PersistentVolumeClaim | None
    found = view.get(PERSISTENT_VOLUME_CLAIMS, name, pod.metadata.namespace)
    if found is None and volume.ephemeral is not None:
        raise Unavailable(
            f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
        )
    if found is None:
        raise Unavailable(f'persistentvolumeclaim "{name}" not found')
    if found.status.phase == "Lost":
        raise Unavailable(
            f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume '
            f'"{found.spec.volume_name}"'
        )
    if found.metadata.deletion_timestamp is not None:
        raise Unavailable(f'persistentvolumeclaim "{name}" is being deleted')
    owner = found.metadata.controller
    if volume.ephemeral is not None and (owner is None or owner.uid != pod.metadata.uid):
        raise Unavailable(
            f"PVC {pod.metadata.namespace}/{name} was not created for pod "
            f"{pod.metadata.namespace}/{pod.metadata.name} (pod is not owner)"
        )
    return found


def _can_be_made(claim: PersistentVolumeClaim, node: NodeInfo, view: View) -> bool:
    """Whether a volume for a claim can be made for a node (upstream: `checkVolumeProvisions`)."""
    found: StorageClass | None = view.get(STORAGE_CLASSES, class_of(claim))
    if found is None or found.provisioner in ("", NO_PROVISIONER):
        return False
    return not found.allowed_topologies or _in_topology(found.allowed_topologies, node)


def _has_space(claim: PersistentVolumeClaim, node: NodeInfo, view: View) -> bool:
    """Whether a driver that tells of its room has some for a claim (upstream:
    `hasEnoughCapacity`)."""
    found: StorageClass | None = view.get(STORAGE_CLASSES, class_of(claim))
    assert found is not None, "without a class no volume is made"
    driver: CsiDriver | None = view.get(CSI_DRIVERS, found.provisioner)
    if driver is None or not driver.spec.storage_capacity:
        return True
    wanted = requested_bytes(claim)
    return any(
        one.storage_class_name == found.metadata.name
        and _largest(one) >= wanted
        and one.node_topology is not None
        and selector_of(one.node_topology).matches(node.labels)
        for one in view.all(CSI_STORAGE_CAPACITIES)
    )


def _largest(capacity: CsiStorageCapacity) -> int:
    """The size of the largest volume that can be made, in bytes; -1 if that is not known."""
    limit = capacity.maximum_volume_size
    limit = capacity.capacity if limit is None else limit
    return -1 if limit is None else whole(limit)


def _in_topology(terms: Iterable[TopologyTerm], node: NodeInfo) -> bool:
    return any(
        all(node.labels.get(one.key) in one.values for one in term.match_label_expressions)
        for term in terms
    )
