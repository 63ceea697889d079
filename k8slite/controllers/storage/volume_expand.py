"""Claims that ask for more than they have (upstream: `pkg/controller/volume/expand`).

Drivers and provisioners from outside make volumes grow; this controller only says of which claims
that is expected.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from k8slite.client.recorder import Recorder, Reference
from k8slite.client.resource import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.core.volume_matching import PROVISIONED_BY, requested_bytes
from k8slite.kinds.core.volume_models import PersistentVolume, PersistentVolumeClaim
from k8slite.objects.meta import Name
from k8slite.objects.quantity import whole


class VolumeExpandController(Controller):
    """Its keys are the names of PersistentVolumeClaims that have come to ask for more."""

    name: ClassVar[str] = "persistentvolume-expander-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        client = context.handler_client(self.name)
        self.recorder = Recorder(client, context.world, "volume_expand")
        self._claims = self.mirrors.of(PERSISTENT_VOLUME_CLAIMS, PersistentVolumeClaim)
        self._volumes = self.mirrors.of(PERSISTENT_VOLUMES, PersistentVolume)
        self.watch(self._claims, _grown)
        self.watch(self._volumes, lambda old, new: ())

    async def reconcile(self, name: Name) -> None:
        claim = self._claims.get(name)
        if claim is None or claim.status.phase != "Bound":
            return
        if requested_bytes(claim) <= whole(claim.status.capacity.get("storage", "0")):
            return
        volume = self._volumes.get(Name("", claim.spec.volume_name))
        if volume is None:
            return
        about = Reference("v1", "PersistentVolumeClaim", claim.metadata)
        if volume.spec.csi is None and not volume.metadata.annotations.get(PROVISIONED_BY):
            message = "didn't find a plugin capable of expanding the volume"
            message = f"Ignoring the PVC: {message}; waiting for an external controller to process"
            self.recorder.event(about, "Warning", "ExternalExpanding", f"{message} this PVC.")
            return
        message = "waiting for an external controller to expand this PVC"
        self.recorder.event(about, "Normal", "ExternalExpanding", message)


def _grown(old: PersistentVolumeClaim | None, new: PersistentVolumeClaim | None) -> Iterable[Name]:
    if old is not None and new is not None and requested_bytes(new) > requested_bytes(old):
        yield new.metadata.full_name
