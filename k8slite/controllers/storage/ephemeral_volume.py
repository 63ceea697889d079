"""Makes the claims of volumes that live as long as their pod (upstream:
`pkg/controller/volume/ephemeral`). The pod owns them, so that they are collected with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from k8slite.client.recorder import Reference
from k8slite.client.resource import PERSISTENT_VOLUME_CLAIMS, PODS
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.ownership import Owner
from k8slite.kinds.core.models import Pod
from k8slite.kinds.core.volume_matching import ephemeral_claim
from k8slite.kinds.models import PartialObject
from k8slite.objects.errors import AlreadyExists
from k8slite.objects.measures import Counter, Family
from k8slite.objects.meta import Name

Json = dict[str, Any]


class EphemeralVolumeController(Controller):
    """Its keys are the names of Pods."""

    name: ClassVar[str] = "ephemeral-volume-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._pods = self.mirrors.of(PODS, Pod)
        self._claims = self.mirrors.of(PERSISTENT_VOLUME_CLAIMS, PartialObject)
        name = "ephemeral_volume_controller_create"
        help_text = "[ALPHA] Number of PersistentVolumeClaim creation requests"
        self._created = Counter(f"{name}_total", help_text)
        self._failed = Counter(f"{name}_failures_total", help_text)
        self.watch(self._pods, _with_ephemeral)
        self.watch(self._claims, self._owner)

    def measures(self) -> Iterable[Family]:
        """How many claims were asked for, and refused."""
        return (self._created, self._failed)

    async def reconcile(self, name: Name) -> None:
        pod, document = self._pods.get(name), self._pods.document(name)
        if pod is None or document is None or pod.metadata.deletion_timestamp is not None:
            return
        for volume in document["spec"].get("volumes") or ():
            if "ephemeral" in volume:
                await self._volume(pod, volume)

    async def _volume(self, pod: Pod, volume: Json) -> None:
        namespace = pod.metadata.namespace
        name = ephemeral_claim(pod, volume["name"])
        known = self._claims.get(Name(namespace, name))
        if known is not None:
            reference = known.metadata.controller
            if reference is None or reference.uid != pod.metadata.uid:
                raise Conflicting(self._tell(pod, volume["name"], _not_its(pod, name)))
            return
        template = volume["ephemeral"].get("volumeClaimTemplate") or {}
        described = template.get("metadata") or {}
        kept = {key: described[key] for key in ("annotations", "labels") if described.get(key)}
        claim = {
            "apiVersion": PERSISTENT_VOLUME_CLAIMS.api_version,
            "kind": PERSISTENT_VOLUME_CLAIMS.kind,
            "metadata": {
                **kept,
                "name": name,
                "namespace": namespace,
                "ownerReferences": [Owner(PODS, pod.metadata).reference()],
            },
            "spec": template["spec"],
        }
        self._created.add()
        try:
            await self.client.create(PERSISTENT_VOLUME_CLAIMS, claim, namespace)
        except AlreadyExists:
            self._failed.add()
            raise  # the mirror will show whose it is by the next attempt
        except Exception as error:
            self._failed.add()
            self._tell(pod, volume["name"], f"create PVC {name}: {error}")
            raise

    def _tell(self, pod: Pod, volume_name: str, why: str) -> str:
        message = f"ephemeral volume {volume_name}: {why}"
        about = Reference("v1", "Pod", pod.metadata)
        self.recorder.event(about, "Warning", "FailedBinding", message)
        return message

    def _owner(self, old: PartialObject | None, new: PartialObject | None) -> Iterable[Name]:
        """A pod whose claim has gone may get another one."""
        if old is not None and new is None:
            for reference in old.metadata.owner_references:
                if reference.kind == PODS.kind:
                    yield Name(old.metadata.namespace, reference.name)


class Conflicting(Exception):
    """A claim of the name is somebody else's."""


def _not_its(pod: Pod, claim_name: str) -> str:
    where = pod.metadata.namespace
    return (
        f"PVC {where}/{claim_name} was not created for pod {where}/{pod.metadata.name} "
        "(pod is not owner)"
    )


def _with_ephemeral(old: Pod | None, new: Pod | None) -> Iterable[Name]:
    if new is not None and any(one.ephemeral is not None for one in new.spec.volumes):
        yield new.metadata.full_name
