"""A claim that is to go stays until no pod uses it.

Upstream: `pkg/controller/volume/pvcprotection`. Admission gives claims the finalizer; one from
before, or that lost it, gets it here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from k8slite.client.resource import PERSISTENT_VOLUME_CLAIMS, PODS
from k8slite.controllers.controller import Context, Controller, own_key
from k8slite.kinds.core.models import Pod
from k8slite.kinds.models import PartialObject
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name

Json = dict[str, Any]

FINALIZER: Final = "kubernetes.io/pvc-protection"


class PvcProtectionController(Controller):
    """Its keys are the names of PersistentVolumeClaims."""

    name: ClassVar[str] = "persistentvolumeclaim-protection-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._claims = self.mirrors.of(PERSISTENT_VOLUME_CLAIMS, PartialObject)
        self._pods = self.mirrors.of(PODS, Pod)
        self.watch(self._claims, own_key)
        self.watch(self._pods, self._leaving)

    async def reconcile(self, name: Name) -> None:
        """Hold a claim, or let it go."""
        claim = self._claims.get(name)
        if claim is None:
            return
        metadata = claim.metadata
        held = FINALIZER in metadata.finalizers
        if metadata.deletion_timestamp is None and not held:
            finalizers = [*metadata.finalizers, FINALIZER]
        elif metadata.deletion_timestamp is not None and held and not await self._used(name):
            finalizers = [one for one in metadata.finalizers if one != FINALIZER]
        else:
            return
        expected = {"uid": metadata.uid, "resourceVersion": metadata.resource_version}
        patch = {"metadata": {**expected, "finalizers": finalizers or None}}
        try:
            await self.client.patch(PERSISTENT_VOLUME_CLAIMS, name.name, patch, name.namespace)
        except NotFound:
            return

    async def _used(self, name: Name) -> bool:
        """Asked of the API itself: a pod may have come that no mirror shows yet."""
        listed = await self.client.list(PODS, name.namespace)
        return any(_uses(pod, name.name) for pod in listed["items"])

    def _leaving(self, old: Pod | None, new: Pod | None) -> Iterable[Name]:
        """The claims that wait for a pod of their namespace."""
        pod = old or new
        assert pod is not None, "a change is of something"
        if new is not None and new.metadata.deletion_grace_period_seconds != 0:
            return
        for claim in self._claims.all():
            metadata = claim.metadata
            if metadata.deletion_timestamp and metadata.namespace == pod.metadata.namespace:
                yield metadata.full_name


def _uses(pod: Json, claim: str) -> bool:
    """Whether a pod has the claim mounted, or may (upstream: `podUsesPVC`)."""
    metadata, spec = pod["metadata"], pod["spec"]
    if not spec.get("nodeName"):
        return False  # no kubelet will start it with a claim that is being deleted
    if "deletionTimestamp" in metadata and metadata.get("deletionGracePeriodSeconds") == 0:
        return False
    for volume in spec.get("volumes") or ():
        mounted = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if "ephemeral" in volume:
            mounted = f"{metadata['name']}-{volume['name']}"
        if mounted == claim:
            return True
    return False
