"""A volume that is to go stays as long as it is bound (upstream:
`pkg/controller/volume/pvprotection`)."""

from __future__ import annotations

from typing import ClassVar, Final

from k8slite.client.resource import PERSISTENT_VOLUMES
from k8slite.controllers.controller import Context, Controller, own_key
from k8slite.kinds.models import PartialObject
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name

FINALIZER: Final = "kubernetes.io/pv-protection"


class PvProtectionController(Controller):
    """Its keys are the names of PersistentVolumes."""

    name: ClassVar[str] = "persistentvolume-protection-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._volumes = self.mirrors.of(PERSISTENT_VOLUMES, PartialObject)
        self.watch(self._volumes, own_key)

    async def reconcile(self, name: Name) -> None:
        """Hold a volume, or let it go."""
        volume = self._volumes.document(name)
        if volume is None:
            return
        metadata = volume["metadata"]
        known = metadata.get("finalizers") or []
        bound = (volume.get("status") or {}).get("phase") == "Bound"
        if "deletionTimestamp" not in metadata and FINALIZER not in known:
            finalizers = [*known, FINALIZER]
        elif "deletionTimestamp" in metadata and FINALIZER in known and not bound:
            finalizers = [one for one in known if one != FINALIZER]
        else:
            return
        expected = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        patch = {"metadata": {**expected, "finalizers": finalizers or None}}
        try:
            await self.client.patch(PERSISTENT_VOLUMES, name.name, patch)
        except NotFound:
            return
