"""Writes the two halves of a binding: the volume's claim, and the claim's volume.

Mirrors `bind` and `unbindVolume` of `pv_controller.go`. The volume is written first, against the
version that was looked at: of two claims that want one volume, one is told so.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from k8slite.client.client import Client
from k8slite.client.recorder import Recorder, Reference
from k8slite.client.resource import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from k8slite.kinds.core.volume_matching import BIND_COMPLETED, BOUND_BY_CONTROLLER, refers_to
from k8slite.kinds.core.volume_models import PersistentVolume, PersistentVolumeClaim

Json = dict[str, Any]


@frozen
class VolumeWriter:
    """Writes volumes and claims, and tells of it."""

    client: Client
    recorder: Recorder

    async def bind(self, volume: PersistentVolume, claim: PersistentVolumeClaim) -> None:
        """Bind them to each other, as far as they are not."""
        await self._claim_volume(volume, claim)
        await self.volume_phase(volume, "Bound")
        await self._name_volume(claim, volume)
        await self.claim_status(claim, "Bound", volume)

    async def unbind(self, volume: PersistentVolume) -> None:
        """Take a binding back; one that its user made stays, without the claim's UID."""
        if BOUND_BY_CONTROLLER in volume.metadata.annotations:
            patch = _patch(volume, {"claimRef": None}, {BOUND_BY_CONTROLLER: None})
        else:
            patch = _patch(volume, {"claimRef": {"uid": None}}, {})
        await self.client.patch(PERSISTENT_VOLUMES, volume.metadata.name, patch)
        await self.volume_phase(volume, "Available")

    async def volume_phase(self, volume: PersistentVolume, phase: str, message: str = "") -> bool:
        """Write a volume's phase; whether it was another one before."""
        if volume.status.phase == phase:
            return False
        metadata = volume.metadata
        status = {"phase": phase, "message": message or None}
        patch = {"metadata": {"uid": metadata.uid}, "status": status}
        await self.client.patch(PERSISTENT_VOLUMES, metadata.name, patch, subresource="status")
        return True

    async def fail_volume(self, volume: PersistentVolume, reason: str, message: str) -> None:
        """Mark a volume as failed; tell it once."""
        if await self.volume_phase(volume, "Failed", message):
            about = Reference("v1", "PersistentVolume", volume.metadata)
            self.recorder.event(about, "Warning", reason, message)

    async def claim_status(
        self, claim: PersistentVolumeClaim, phase: str, volume: PersistentVolume | None = None
    ) -> bool:
        """Write a claim's phase, and what it has got; whether the phase was another one."""
        status: Json = {"phase": phase}
        old = claim.status
        if volume is None:
            modes, capacity = None, None
            same = not old.access_modes and not old.capacity
        else:
            modes = list(volume.spec.access_modes)
            # Growth of a claim that is bound is told by whoever makes it grow.
            capacity = dict(old.capacity or volume.spec.capacity)
            same = old.access_modes == volume.spec.access_modes and bool(old.capacity)
        if old.phase == phase and same:
            return False
        status |= {"accessModes": modes, "capacity": capacity}
        metadata = claim.metadata
        patch = {"metadata": {"uid": metadata.uid}, "status": status}
        await self.client.patch(
            PERSISTENT_VOLUME_CLAIMS,
            metadata.name,
            patch,
            metadata.namespace,
            subresource="status",
        )
        return old.phase != phase

    async def lose_claim(self, claim: PersistentVolumeClaim, reason: str, message: str) -> None:
        """A claim's volume is gone for good; tell it once."""
        if await self.claim_status(claim, "Lost"):
            self.tell(claim, "Warning", reason, message)

    def tell(self, claim: PersistentVolumeClaim, type_: str, reason: str, message: str) -> None:
        """Record an event about a claim."""
        about = Reference("v1", "PersistentVolumeClaim", claim.metadata)
        self.recorder.event(about, type_, reason, message)

    async def annotate_claim(
        self, claim: PersistentVolumeClaim, annotations: dict[str, str | None]
    ) -> None:
        """Change annotations of a claim."""
        await self._patch_claim(claim, {}, annotations)

    async def _claim_volume(self, volume: PersistentVolume, claim: PersistentVolumeClaim) -> None:
        reference = volume.spec.claim_ref
        metadata = claim.metadata
        annotations: dict[str, str | None] = {}
        if not refers_to(volume, claim):
            annotations[BOUND_BY_CONTROLLER] = "yes"
        elif reference is not None and reference.uid == metadata.uid:
            return
        wanted = {
            "apiVersion": PERSISTENT_VOLUME_CLAIMS.api_version,
            "kind": PERSISTENT_VOLUME_CLAIMS.kind,
            "namespace": metadata.namespace,
            "name": metadata.name,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        }
        patch = _patch(volume, {"claimRef": wanted}, annotations)
        await self.client.patch(PERSISTENT_VOLUMES, volume.metadata.name, patch)

    async def _name_volume(self, claim: PersistentVolumeClaim, volume: PersistentVolume) -> None:
        known, name = claim.metadata.annotations, volume.metadata.name
        spec: Json = {}
        annotations: dict[str, str | None] = {}
        if claim.spec.volume_name != name:
            spec["volumeName"] = name
            if BOUND_BY_CONTROLLER not in known:
                annotations[BOUND_BY_CONTROLLER] = "yes"
        if BIND_COMPLETED not in known:
            annotations[BIND_COMPLETED] = "yes"
        if spec or annotations:
            await self._patch_claim(claim, spec, annotations)

    async def _patch_claim(
        self, claim: PersistentVolumeClaim, spec: Json, annotations: dict[str, str | None]
    ) -> None:
        metadata = claim.metadata
        patch = _patch(claim, spec, annotations)
        await self.client.patch(PERSISTENT_VOLUME_CLAIMS, metadata.name, patch, metadata.namespace)


def _patch(
    obj: PersistentVolume | PersistentVolumeClaim,
    spec: Json,
    annotations: dict[str, str | None],
) -> Json:
    """A patch that demands the very version that was looked at."""
    metadata: Json = {
        "uid": obj.metadata.uid,
        "resourceVersion": obj.metadata.resource_version,
    }
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, **({"spec": spec} if spec else {})}
