"""Says which volumes of CSI drivers are attached where; the drivers make it true (upstream:
`pkg/controller/volume/attachdetach`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.client.informer import unheard
from k8slite.client.recorder import Reference
from k8slite.client.resource import (
    CSI_DRIVERS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    VOLUME_ATTACHMENTS,
)
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.storage.attachments import attachment, attachment_name, plan, unique_name
from k8slite.kinds.core.models import Node, Pod
from k8slite.kinds.core.volume_matching import claims_of
from k8slite.kinds.core.volume_models import (
    CsiDriver,
    PersistentVolume,
    PersistentVolumeClaim,
    VolumeAttachment,
)
from k8slite.objects.errors import AlreadyExists, NotFound
from k8slite.objects.meta import Name

Json = dict[str, Any]

_BY_CLAIM: Final = "by claims"
_BY_VOLUME: Final = "by volume"


class AttachDetachController(Controller):
    """Its keys are the names of PersistentVolumes, without namespace, and of Nodes, under the
    namespace "nodes"."""

    name: ClassVar[str] = "attachdetach-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._volumes = self.mirrors.of(PERSISTENT_VOLUMES, PersistentVolume)
        self._claims = self.mirrors.of(PERSISTENT_VOLUME_CLAIMS, PersistentVolumeClaim)
        self._pods = self.mirrors.of(PODS, Pod)
        self._nodes = self.mirrors.of(NODES, Node)
        self._drivers = self.mirrors.of(CSI_DRIVERS, CsiDriver)
        self._attachments = self.mirrors.of(VOLUME_ATTACHMENTS, VolumeAttachment)
        self._pods.add_index(_BY_CLAIM, _claim_keys)
        self._attachments.add_index(_BY_VOLUME, lambda one: (_volume_name(one),))
        self.watch(self._volumes, lambda old, new: _names(old, new))
        self.watch(self._claims, self._keys_of_claim)
        self.watch(self._pods, self._keys_of_pod)
        self.watch(self._nodes, self._keys_of_node, beat=unheard)
        self.watch(self._attachments, self._keys_of_attachment)
        self.watch(self._drivers, lambda old, new: _names(*self._volumes.all()))

    async def reconcile(self, name: Name) -> None:
        if name.namespace:
            await self._node(name.name)
            return
        there = self._attachments.indexed(_BY_VOLUME, name.name)
        volume = self._volumes.get(name)
        if volume is None or volume.spec.csi is None or not self._attachable(volume):
            return
        pods = self._users(volume)
        in_use = {one.spec.node_name: self._in_use(one.spec.node_name, volume) for one in there}
        found = plan(volume, pods, there, in_use)
        for one in found.detach:
            await self._detach(one)
        for pod in found.refused:
            message = (
                f'Multi-Attach error for volume "{volume.metadata.name}" Volume is already '
                "exclusively attached to one node and can't be attached to another"
            )
            about = Reference("v1", "Pod", pod.metadata)
            self.recorder.event(about, "Warning", "FailedAttachVolume", message)
        for node in found.attach:
            try:
                await self.client.create(VOLUME_ATTACHMENTS, attachment(volume, node))
            except AlreadyExists:
                continue

    async def _detach(self, one: VolumeAttachment) -> None:
        options = {"preconditions": {"uid": one.metadata.uid}}
        try:
            await self.client.delete(VOLUME_ATTACHMENTS, one.metadata.name, "", options)
        except NotFound:
            return

    async def _node(self, name: str) -> None:
        """Tell a node what is attached to it."""
        document = self._nodes.document(Name("", name))
        if document is None:
            return
        attached = []
        for one in self._attachments.all():
            volume = self._volumes.get(Name("", _volume_name(one)))
            if one.spec.node_name == name and one.status.attached and volume is not None:
                path = attachment_name(volume, name)
                attached.append({"name": unique_name(volume), "devicePath": path})
        if attached == (document.get("status") or {}).get("volumesAttached", []):
            return
        uid = document["metadata"]["uid"]
        patch = {"metadata": {"uid": uid}, "status": {"volumesAttached": attached or None}}
        await self.client.patch(NODES, name, patch, subresource="status")

    def _attachable(self, volume: PersistentVolume) -> bool:
        assert volume.spec.csi is not None, "looked at before"
        driver = self._drivers.get(Name("", volume.spec.csi.driver))
        return driver is None or driver.spec.attach_required

    def _users(self, volume: PersistentVolume) -> list[Pod]:
        """The pods that mount a volume, through the claim that it is bound to."""
        reference = volume.spec.claim_ref
        if reference is None:
            return []
        key = Name(reference.namespace, reference.name)
        claim = self._claims.get(key)
        if claim is None or claim.spec.volume_name != volume.metadata.name:
            return []
        return self._pods.indexed(_BY_CLAIM, str(key))

    def _in_use(self, node: str, volume: PersistentVolume) -> bool:
        document = self._nodes.document(Name("", node)) or {}
        return unique_name(volume) in ((document.get("status") or {}).get("volumesInUse") or ())

    # Keys

    def _keys_of_claim(
        self, old: PersistentVolumeClaim | None, new: PersistentVolumeClaim | None
    ) -> Iterator[Name]:
        for claim in (old, new):
            if claim is not None and claim.spec.volume_name:
                yield Name("", claim.spec.volume_name)

    def _keys_of_pod(self, old: Pod | None, new: Pod | None) -> Iterator[Name]:
        pod = new or old
        assert pod is not None, "a change is of something"
        for name in claims_of(pod):
            claim = self._claims.get(Name(pod.metadata.namespace, name))
            if claim is not None and claim.spec.volume_name:
                yield Name("", claim.spec.volume_name)

    def _keys_of_node(self, old: Node | None, new: Node | None) -> Iterator[Name]:
        """A node that has let go of volumes."""
        node = new or old
        assert node is not None, "a change is of something"
        for one in self._attachments.all():
            if one.spec.node_name == node.metadata.name:
                yield Name("", _volume_name(one))

    def _keys_of_attachment(
        self, old: VolumeAttachment | None, new: VolumeAttachment | None
    ) -> Iterator[Name]:
        found = new or old
        assert found is not None, "a change is of something"
        yield Name("", _volume_name(found))
        yield Name("nodes", found.spec.node_name)
        if new is not None and new.status.attached and not (old and old.status.attached):
            self._tell_attached(new)

    def _tell_attached(self, one: VolumeAttachment) -> None:
        volume = self._volumes.get(Name("", _volume_name(one)))
        if volume is None:
            return
        message = f'AttachVolume.Attach succeeded for volume "{volume.metadata.name}" '
        for pod in self._users(volume):
            if pod.spec.node_name == one.spec.node_name:
                about = Reference("v1", "Pod", pod.metadata)
                self.recorder.event(about, "Normal", "SuccessfulAttachVolume", message)


def _volume_name(one: VolumeAttachment) -> str:
    return one.spec.source.persistent_volume_name


def _names(*volumes: PersistentVolume | None) -> Iterable[Name]:
    return dict.fromkeys(one.metadata.full_name for one in volumes if one is not None)


def _claim_keys(pod: Pod) -> Iterable[str]:
    return [str(Name(pod.metadata.namespace, name)) for name in claims_of(pod)]
