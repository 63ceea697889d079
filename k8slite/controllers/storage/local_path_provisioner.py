"""Volumes for the default storage class: directories of the node where they are first used.

An external provisioner as upstream's are (`sig-storage-lib-external-provisioner`): it acts on what
binder and scheduler write into claims, makes a volume that is bound beforehand, lets it grow, and
takes it away when it is released. A node's runtime makes the directory when a pod mounts it; on
pretended nodes there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from k8slite.client.informer import unheard
from k8slite.client.recorder import Reference
from k8slite.client.resource import (
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
)
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.core.models import Node
from k8slite.kinds.core.volume_matching import (
    PROVISIONED_BY,
    SELECTED_NODE,
    capacity_bytes,
    class_of,
    requested_bytes,
)
from k8slite.kinds.core.volume_models import (
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
)
from k8slite.objects.errors import AlreadyExists, NotFound
from k8slite.objects.meta import Name, timestamp

Json = dict[str, Any]

PROVISIONER: Final = "k8slite.dev/local-path"
DIRECTORY: Final = "/var/lib/k8slite/volumes"
ASKED: Final = "volume.kubernetes.io/storage-provisioner"
_OF_GROWTH: Final = ("Resizing", "FileSystemResizePending")
_HOST_NAME: Final = "kubernetes.io/hostname"
STANDARD: Final[Json] = {
    "apiVersion": STORAGE_CLASSES.api_version,
    "kind": STORAGE_CLASSES.kind,
    "metadata": {
        "name": "standard",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "provisioner": PROVISIONER,
    "reclaimPolicy": "Delete",
    "volumeBindingMode": "WaitForFirstConsumer",
    "allowVolumeExpansion": True,
}


class LocalPathProvisioner(Controller):
    """Its keys are the names of PersistentVolumeClaims, and of PersistentVolumes, which have no
    namespace."""

    name: ClassVar[str] = "local-path-provisioner"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._claims = self.mirrors.of(PERSISTENT_VOLUME_CLAIMS, PersistentVolumeClaim)
        self._volumes = self.mirrors.of(PERSISTENT_VOLUMES, PersistentVolume)
        self._classes = self.mirrors.of(STORAGE_CLASSES, StorageClass)
        self._nodes = self.mirrors.of(NODES, Node)
        self.watch(self._claims, self._keys_of_claim)
        self.watch(self._volumes, self._keys_of_volume)
        self.watch(self._nodes, lambda old, new: (), beat=unheard)
        self.watch(self._classes, self._keys_of_class)

    async def start(self) -> None:
        """Have the class that everybody gets who names none, unless there is one of its name."""
        self.queue.add(Name("", STANDARD["metadata"]["name"]))

    async def reconcile(self, name: Name) -> None:
        if name.namespace:
            claim = self._claims.get(name)
            if claim is not None and claim.metadata.deletion_timestamp is None:
                await self._claim(claim)
            return
        if name.name == STANDARD["metadata"]["name"] and self._classes.get(name) is None:
            try:
                await self.client.create(STORAGE_CLASSES, STANDARD)
            except AlreadyExists:
                return
        volume = self._volumes.get(name)
        if volume is not None and volume.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER:
            await self._release(volume)

    async def _claim(self, claim: PersistentVolumeClaim) -> None:
        if claim.spec.volume_name:
            volume = self._volumes.get(Name("", claim.spec.volume_name))
            if (
                volume is not None
                and volume.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER
                and claim.status.phase == "Bound"
            ):
                await self._grow(claim, volume)
        elif claim.metadata.annotations.get(ASKED) == PROVISIONER:
            await self._provision(claim)

    # A new volume

    async def _provision(self, claim: PersistentVolumeClaim) -> None:
        storage_class = self._classes.get(Name("", class_of(claim)))
        if storage_class is None or storage_class.provisioner != PROVISIONER:
            return
        name = f"pvc-{claim.metadata.uid}"
        if self._volumes.get(Name("", name)) is not None:
            return  # the binder goes on with it
        node: Node | None = None
        selected = claim.metadata.annotations.get(SELECTED_NODE)
        if selected is not None:
            node = self._nodes.get(Name("", selected))
            if node is None:
                await self._refuse(claim, storage_class, f'node "{selected}" not found')
                return
        elif storage_class.volume_binding_mode == "WaitForFirstConsumer":
            return
        if claim.spec.volume_mode != "Filesystem":
            await self._refuse(claim, storage_class, "only volumes with a file system can be made")
            return
        message = f'External provisioner is provisioning volume for claim "{_named(claim)}"'
        self._tell(claim, "Normal", "Provisioning", message)
        try:
            await self.client.create(PERSISTENT_VOLUMES, _volume(claim, storage_class, name, node))
        except AlreadyExists:
            return
        message = f"Successfully provisioned volume {name}"
        self._tell(claim, "Normal", "ProvisioningSucceeded", message)

    async def _refuse(
        self, claim: PersistentVolumeClaim, storage_class: StorageClass, why: str
    ) -> None:
        """Tell why there is no volume, and let the scheduler choose again."""
        message = (
            f'failed to provision volume with StorageClass "{storage_class.metadata.name}": {why}'
        )
        self._tell(claim, "Warning", "ProvisioningFailed", message)
        metadata = claim.metadata
        if SELECTED_NODE not in metadata.annotations:
            return
        patch = {
            "metadata": {
                "uid": metadata.uid,
                "resourceVersion": metadata.resource_version,
                "annotations": {SELECTED_NODE: None},
            }
        }
        await self.client.patch(PERSISTENT_VOLUME_CLAIMS, metadata.name, patch, metadata.namespace)

    # Growth

    async def _grow(self, claim: PersistentVolumeClaim, volume: PersistentVolume) -> None:
        """Give a claim what it asks for now: a directory has no size of its own.

        The steps are upstream's external resizer's: the claim says that it is being resized, then
        the volume has its new size, then the claim has it too.
        """
        if not claim.status.capacity:
            return  # the binder has not said yet what there is
        has = claim.status.capacity.get("storage")
        resizing = any(one.type == "Resizing" for one in claim.status.conditions)
        if capacity_bytes(volume) < requested_bytes(claim):
            if not resizing:
                await self._claim_status(
                    claim, {"conditions": [*self._others(claim), self._resizing()]}
                )
                message = f"External resizer is resizing volume {volume.metadata.name}"
                self._tell(claim, "Normal", "Resizing", message)
                return  # that change leads here again
            metadata = volume.metadata
            wanted = claim.spec.resources.requests["storage"]
            patch = {
                "metadata": {"uid": metadata.uid, "resourceVersion": metadata.resource_version},
                "spec": {"capacity": {"storage": wanted}},
            }
            await self.client.patch(PERSISTENT_VOLUMES, metadata.name, patch)
        elif resizing or has != volume.spec.capacity.get("storage"):
            status: Json = {"capacity": dict(volume.spec.capacity)}
            await self._claim_status(claim, {**status, "conditions": self._others(claim) or None})
            self._tell(claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded")

    def _others(self, claim: PersistentVolumeClaim) -> list[Json]:
        """A claim's conditions that are not about its growth."""
        document = self._claims.document(claim.metadata.full_name) or {}
        conditions = (document.get("status") or {}).get("conditions") or ()
        return [one for one in conditions if one["type"] not in _OF_GROWTH]

    def _resizing(self) -> Json:
        now = timestamp(self.world.now())
        return {"type": "Resizing", "status": "True", "lastTransitionTime": now}

    async def _claim_status(self, claim: PersistentVolumeClaim, status: Json) -> None:
        metadata = claim.metadata
        patch = {"metadata": {"uid": metadata.uid}, "status": status}
        await self.client.patch(
            PERSISTENT_VOLUME_CLAIMS,
            metadata.name,
            patch,
            metadata.namespace,
            subresource="status",
        )

    # The end

    async def _release(self, volume: PersistentVolume) -> None:
        """Take away what the binder has released (upstream: `shouldDelete`)."""
        metadata = volume.metadata
        if (
            volume.status.phase != "Released"
            or volume.spec.persistent_volume_reclaim_policy != "Delete"
            or metadata.deletion_timestamp is not None
        ):
            return
        expected = {"uid": metadata.uid, "resourceVersion": metadata.resource_version}
        try:
            await self.client.delete(
                PERSISTENT_VOLUMES, metadata.name, "", {"preconditions": expected}
            )
        except NotFound:
            return

    def _tell(self, claim: PersistentVolumeClaim, type_: str, reason: str, message: str) -> None:
        about = Reference("v1", "PersistentVolumeClaim", claim.metadata)
        self.recorder.event(about, type_, reason, message)

    # Keys

    def _keys_of_claim(
        self, old: PersistentVolumeClaim | None, new: PersistentVolumeClaim | None
    ) -> Iterator[Name]:
        if new is not None:
            yield new.metadata.full_name

    def _keys_of_volume(
        self, old: PersistentVolume | None, new: PersistentVolume | None
    ) -> Iterator[Name]:
        volume = new or old
        assert volume is not None, "a change is of something"
        yield volume.metadata.full_name
        reference = volume.spec.claim_ref
        if reference is not None:
            yield Name(reference.namespace, reference.name)

    def _keys_of_class(self, old: StorageClass | None, new: StorageClass | None) -> Iterator[Name]:
        if new is not None and new.provisioner == PROVISIONER:
            for claim in self._claims.all():
                if class_of(claim) == new.metadata.name:
                    yield claim.metadata.full_name


def _volume(
    claim: PersistentVolumeClaim, storage_class: StorageClass, name: str, node: Node | None
) -> Json:
    metadata = claim.metadata
    path = f"{DIRECTORY}/{name}_{metadata.namespace}_{metadata.name}"
    spec: Json = {
        "accessModes": list(claim.spec.access_modes),
        "capacity": {"storage": claim.spec.resources.requests.get("storage", "0")},
        "claimRef": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": metadata.namespace,
            "name": metadata.name,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        },
        "hostPath": {"path": path, "type": "DirectoryOrCreate"},
        "persistentVolumeReclaimPolicy": storage_class.reclaim_policy,
        "storageClassName": storage_class.metadata.name,
        "volumeMode": "Filesystem",
    }
    if node is not None:
        host = node.metadata.labels.get(_HOST_NAME, node.metadata.name)
        expression = {"key": _HOST_NAME, "operator": "In", "values": [host]}
        term = {"matchExpressions": [expression]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
    return {
        "apiVersion": PERSISTENT_VOLUMES.api_version,
        "kind": PERSISTENT_VOLUMES.kind,
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: PROVISIONER}},
        "spec": spec,
    }


def _named(claim: PersistentVolumeClaim) -> str:
    return str(claim.metadata.full_name)
