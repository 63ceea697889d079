"""What becomes of a volume whose claim is gone (upstream: `reclaimVolume`).

Retain leaves it to its administrator, released. Delete takes it away: here only what lies on a
node's own disk; what a provisioner from outside has made, that one takes away. Nothing scrubs a
volume for the deprecated Recycle.
"""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from k8slite.client.client import Client
from k8slite.client.resource import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from k8slite.controllers.storage.volume_binding import VolumeWriter
from k8slite.kinds.core.models import ObjectReference
from k8slite.kinds.core.volume_matching import PROVISIONED_BY
from k8slite.kinds.core.volume_models import PersistentVolume
from k8slite.objects.errors import NotFound

_DELETABLE: Final = re.compile(r"/tmp/.+")  # all that upstream's host path plugin deletes


@frozen
class VolumeReclaim:
    """Releases volumes."""

    client: Client
    writer: VolumeWriter

    async def claim_lives(self, reference: ObjectReference) -> bool:
        """Whether the server knows that very claim."""
        try:
            found = await self.client.get(
                PERSISTENT_VOLUME_CLAIMS, reference.name, reference.namespace
            )
        except NotFound:
            return False
        return bool(found["metadata"]["uid"] == reference.uid)

    async def release(self, volume: PersistentVolume) -> None:
        """Mark a volume as released, and do what its policy says."""
        if volume.status.phase not in ("Released", "Failed"):
            await self.writer.volume_phase(volume, "Released")
            return  # that change leads here again
        policy = volume.spec.persistent_volume_reclaim_policy
        if policy == "Delete":
            await self._delete(volume)
        elif policy == "Recycle":
            message = "No recycler plugin found for the volume!"
            await self.writer.fail_volume(volume, "VolumeFailedRecycle", message)
        elif policy != "Retain":
            message = "Volume has unrecognized PersistentVolumeReclaimPolicy"
            await self.writer.fail_volume(volume, "VolumeUnknownReclaimPolicy", message)

    async def _delete(self, volume: PersistentVolume) -> None:
        metadata, spec = volume.metadata, volume.spec
        if metadata.deletion_timestamp is not None:
            return
        if metadata.annotations.get(PROVISIONED_BY) or spec.csi is not None:
            return  # whoever made it takes it away
        if spec.host_path is None:
            message = (
                f'error getting deleter volume plugin for volume "{metadata.name}": '
                "no deletable volume plugin matched"
            )
            await self.writer.fail_volume(volume, "VolumeFailedDelete", message)
        elif not _DELETABLE.fullmatch(spec.host_path.path):
            message = (
                "host_path deleter only supports /tmp/.+ but received provided "
                f"{spec.host_path.path}"
            )
            await self.writer.fail_volume(volume, "VolumeFailedDelete", message)
        else:
            options = {"preconditions": {"uid": metadata.uid}}
            try:
                await self.client.delete(PERSISTENT_VOLUMES, metadata.name, "", options)
            except NotFound:
                return
