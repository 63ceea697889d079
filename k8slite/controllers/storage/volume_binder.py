"""Brings claims and volumes together (upstream: `pkg/controller/volume/persistentvolume`).

A claim is bound for good when it has said so itself (the annotation bind-completed); before that,
every state that a crash may leave is one from which the binding goes on. Volumes whose claim is
gone are released, and go the way of their reclaim policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from k8slite.client.recorder import Recorder
from k8slite.client.resource import (
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STORAGE_CLASSES,
)
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.storage.volume_binding import VolumeWriter
from k8slite.controllers.storage.volume_reclaim import VolumeReclaim
from k8slite.kinds.core.models import Pod
from k8slite.kinds.core.volume_matching import (
    BIND_COMPLETED,
    PROVISIONED_BY,
    SELECTED_NODE,
    best_volume,
    claims_of,
    class_of,
    mismatch,
    refers_to,
)
from k8slite.kinds.core.volume_models import (
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
)
from k8slite.objects.meta import Name

PROVISIONER: Final = (
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
)
DEFAULT_CLASS: Final = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_BETA_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_IN_TREE: Final = "kubernetes.io/"
_BY_CLAIM: Final = "by claims"


class VolumeBinderController(Controller):
    """Its keys are the names of PersistentVolumeClaims, and of PersistentVolumes, which have no
    namespace."""

    name: ClassVar[str] = "persistentvolume-binder-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        client = context.handler_client(self.name)
        self.recorder = Recorder(client, context.world, "persistentvolume-controller")
        self._claims = self.mirrors.of(PERSISTENT_VOLUME_CLAIMS, PersistentVolumeClaim)
        self._volumes = self.mirrors.of(PERSISTENT_VOLUMES, PersistentVolume)
        self._classes = self.mirrors.of(STORAGE_CLASSES, StorageClass)
        self._pods = self.mirrors.of(PODS, Pod)
        self._pods.add_index(_BY_CLAIM, _claim_keys)
        self._writer = VolumeWriter(self.client, self.recorder)
        self._reclaim = VolumeReclaim(self.client, self._writer)
        self.watch(self._claims, self._keys_of_claim)
        self.watch(self._volumes, self._keys_of_volume)
        self.watch(self._classes, self._keys_of_class)
        self.watch(self._pods, self._keys_of_pod)

    async def reconcile(self, name: Name) -> None:
        if name.namespace:
            claim = self._claims.get(name)
            if claim is None:
                return
            if BIND_COMPLETED in claim.metadata.annotations:
                await self._bound_claim(claim)
            else:
                await self._unbound_claim(claim)
            return
        volume = self._volumes.get(name)
        if volume is not None:
            await self._volume(volume)

    # Claims

    async def _unbound_claim(self, claim: PersistentVolumeClaim) -> None:
        if claim.spec.volume_name:
            await self._asked_for(claim)
            return
        delayed = self._delayed(claim)
        volume = best_volume(claim, self._volumes.all(), delayed=delayed)
        if volume is not None:
            await self._writer.bind(volume, claim)
            return
        if await self._give_class(claim):
            return
        if delayed and SELECTED_NODE not in claim.metadata.annotations:
            self._say_waiting(claim)
        elif class_of(claim):
            await self._provision(claim)
            return
        else:
            message = "no persistent volumes available for this claim and no storage class is set"
            self._writer.tell(claim, "Normal", "FailedBinding", message)
        await self._writer.claim_status(claim, "Pending")

    async def _asked_for(self, claim: PersistentVolumeClaim) -> None:
        """A claim that names its volume."""
        volume = self._volumes.get(Name("", claim.spec.volume_name))
        if volume is not None and volume.spec.claim_ref is None:
            wrong = mismatch(volume, claim)
            if not wrong:
                await self._writer.bind(volume, claim)
                return
            message = f'Cannot bind to requested volume "{volume.metadata.name}": {wrong}'
            self._writer.tell(claim, "Warning", "VolumeMismatch", message)
        elif volume is not None and refers_to(volume, claim):
            await self._writer.bind(volume, claim)
            return
        elif volume is not None:
            message = f'volume "{volume.metadata.name}" already bound to a different claim.'
            self._writer.tell(claim, "Warning", "FailedBinding", message)
        await self._writer.claim_status(claim, "Pending")

    async def _bound_claim(self, claim: PersistentVolumeClaim) -> None:
        if not claim.spec.volume_name:
            message = (
                "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
            )
            await self._writer.lose_claim(claim, "ClaimLost", message)
            return
        volume = self._volumes.get(Name("", claim.spec.volume_name))
        if volume is None:
            message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
            await self._writer.lose_claim(claim, "ClaimLost", message)
        elif volume.spec.claim_ref is None or volume.spec.claim_ref.uid == claim.metadata.uid:
            await self._writer.bind(volume, claim)
        else:
            message = "Two claims are bound to the same volume, this one is bound incorrectly"
            await self._writer.lose_claim(claim, "ClaimMisbound", message)

    def _delayed(self, claim: PersistentVolumeClaim) -> bool:
        """Whether the scheduler says where the claim's volume is to be."""
        storage_class = self._classes.get(Name("", class_of(claim)))
        return (
            storage_class is not None
            and storage_class.volume_binding_mode == "WaitForFirstConsumer"
        )

    async def _give_class(self, claim: PersistentVolumeClaim) -> bool:
        """A claim from before there was a default class gets it; whether it did."""
        if claim.spec.storage_class_name is not None or _BETA_CLASS in claim.metadata.annotations:
            return False
        defaults = [
            one
            for one in self._classes.all()
            if any(one.metadata.annotations.get(key) == "true" for key in DEFAULT_CLASS)
        ]
        if not defaults:
            return False
        newest = max(defaults, key=lambda one: str(one.metadata.creation_timestamp))
        metadata = claim.metadata
        patch = {
            "metadata": {"uid": metadata.uid, "resourceVersion": metadata.resource_version},
            "spec": {"storageClassName": newest.metadata.name},
        }
        await self.client.patch(PERSISTENT_VOLUME_CLAIMS, metadata.name, patch, metadata.namespace)
        return True

    async def _provision(self, claim: PersistentVolumeClaim) -> None:
        """Ask the class' provisioner for a volume; all of them are outside of this controller."""
        name = class_of(claim)
        storage_class = self._classes.get(Name("", name))
        if storage_class is None or storage_class.provisioner.startswith(_IN_TREE):
            message = f'storageclass.storage.k8s.io "{name}" not found'
            if storage_class is not None:
                message = f"no volume plugin matched name: {storage_class.provisioner}"
            self._writer.tell(claim, "Warning", "ProvisioningFailed", message)
            await self._writer.claim_status(claim, "Pending")
            return
        provisioner = storage_class.provisioner
        if any(claim.metadata.annotations.get(key) != provisioner for key in PROVISIONER):
            await self._writer.annotate_claim(claim, dict.fromkeys(PROVISIONER, provisioner))
        message = (
            f"Waiting for a volume to be created either by the external provisioner "
            f"'{provisioner}' or manually by the system administrator. If volume creation is "
            "delayed, please verify that the provisioner is running and correctly registered."
        )
        self._writer.tell(claim, "Normal", "ExternalProvisioning", message)
        await self._writer.claim_status(claim, "Pending")

    def _say_waiting(self, claim: PersistentVolumeClaim) -> None:
        key = str(claim.metadata.full_name)
        names = [
            pod.metadata.name
            for pod in self._pods.indexed(_BY_CLAIM, key)
            if not pod.spec.node_name and not pod.terminal
        ]
        reason = "WaitForPodScheduled" if names else "WaitForFirstConsumer"
        message = "waiting for first consumer to be created before binding"
        if names:
            pods = "pods" if len(names) > 1 else "pod"
            message = f"waiting for {pods} {','.join(names)} to be scheduled"
        self._writer.tell(claim, "Normal", reason, message)

    # Volumes

    async def _volume(self, volume: PersistentVolume) -> None:
        reference = volume.spec.claim_ref
        if reference is None or not reference.uid:
            await self._writer.volume_phase(volume, "Available")
            return
        claim = self._claims.get(Name(reference.namespace, reference.name))
        if claim is None or claim.metadata.uid != reference.uid:
            # Before a volume's data may be gone, the server itself must say that the claim is.
            if not await self._reclaim.claim_lives(reference):
                await self._reclaim.release(volume)
        elif not claim.spec.volume_name:
            self.queue.add(claim.metadata.full_name)
        elif claim.spec.volume_name == volume.metadata.name:
            await self._writer.volume_phase(volume, "Bound")
        elif (
            PROVISIONED_BY in volume.metadata.annotations
            and volume.spec.persistent_volume_reclaim_policy == "Delete"
        ):
            await self._reclaim.release(volume)  # made for this claim, which got another one
        else:
            await self._writer.unbind(volume)

    # Keys

    def _keys_of_claim(
        self, old: PersistentVolumeClaim | None, new: PersistentVolumeClaim | None
    ) -> Iterator[Name]:
        found = new or old
        assert found is not None, "a change is of something"
        if new is not None:
            yield found.metadata.full_name
        if found.spec.volume_name:
            yield Name("", found.spec.volume_name)
        if new is None or old is None:
            # Volumes that were bound to it, or that wait for one of its name.
            for volume in self._volumes.all():
                reference = volume.spec.claim_ref
                if reference is not None and (
                    (reference.namespace, reference.name) == found.metadata.full_name
                ):
                    yield volume.metadata.full_name

    def _keys_of_volume(
        self, old: PersistentVolume | None, new: PersistentVolume | None
    ) -> Iterator[Name]:
        for volume in (old, new):
            if volume is not None:
                reference = volume.spec.claim_ref
                if reference is not None:
                    yield Name(reference.namespace, reference.name)
        if new is not None:
            yield new.metadata.full_name
        for claim in self._claims.all():
            if BIND_COMPLETED not in claim.metadata.annotations:
                yield claim.metadata.full_name

    def _keys_of_class(self, old: StorageClass | None, new: StorageClass | None) -> Iterator[Name]:
        for claim in self._claims.all():
            if BIND_COMPLETED not in claim.metadata.annotations:
                yield claim.metadata.full_name

    def _keys_of_pod(self, old: Pod | None, new: Pod | None) -> Iterator[Name]:
        """Claims that wait for somebody to use them tell whom they wait for."""
        if new is None or (old is not None and old.spec.node_name == new.spec.node_name):
            return
        for name in claims_of(new):
            claim = self._claims.get(Name(new.metadata.namespace, name))
            if claim is not None and BIND_COMPLETED not in claim.metadata.annotations:
                yield claim.metadata.full_name


def _claim_keys(pod: Pod) -> Iterable[str]:
    return [str(Name(pod.metadata.namespace, name)) for name in claims_of(pod)]
