"""Which volumes of CSI drivers are to be attached to which nodes. Pure.

Mirrors `pkg/controller/volume/attachdetach` and the CSI attacher. A volume that only one node may
write to is attached to one node at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.client.resource import VOLUME_ATTACHMENTS
from k8slite.kinds.core.models import Pod
from k8slite.kinds.core.volume_models import PersistentVolume, VolumeAttachment

Json = dict[str, Any]

_SHARED: Final = ("ReadWriteMany", "ReadOnlyMany")


@frozen
class Plan:
    """What is to be done about one volume."""

    attach: Sequence[str] = ()  # nodes
    detach: Sequence[VolumeAttachment] = ()
    refused: Sequence[Pod] = ()  # whose node must wait for another one


def attachment_name(volume: PersistentVolume, node: str) -> str:
    """The name of a volume's attachment to a node (upstream: `getAttachmentName`)."""
    csi = volume.spec.csi
    assert csi is not None, "only drivers' volumes are attached"
    text = f"{csi.volume_handle}{csi.driver}{node}"
    return f"csi-{hashlib.sha256(text.encode()).hexdigest()}"


def attachment(volume: PersistentVolume, node: str) -> Json:
    """The attachment of a volume to a node, which the driver is to make true."""
    csi = volume.spec.csi
    assert csi is not None, "only drivers' volumes are attached"
    return {
        "apiVersion": VOLUME_ATTACHMENTS.api_version,
        "kind": VOLUME_ATTACHMENTS.kind,
        "metadata": {"name": attachment_name(volume, node)},
        "spec": {
            "attacher": csi.driver,
            "nodeName": node,
            "source": {"persistentVolumeName": volume.metadata.name},
        },
    }


def unique_name(volume: PersistentVolume) -> str:
    """What nodes call a volume in their status."""
    csi = volume.spec.csi
    return f"kubernetes.io/csi/{csi.driver}^{csi.volume_handle}" if csi is not None else ""


def plan(
    volume: PersistentVolume,
    pods: Iterable[Pod],
    there: Sequence[VolumeAttachment],
    in_use: Mapping[str, bool],
) -> Plan:
    """What is to be done about a volume that these pods mount.

    `in_use` says of nodes whether their kubelet still has the volume mounted.
    """
    users: dict[str, list[Pod]] = {}
    for pod in pods:
        if pod.spec.node_name and not pod.terminal:
            users.setdefault(pod.spec.node_name, []).append(pod)
    attached = {one.spec.node_name: one for one in there}
    detach = [
        one
        for node, one in attached.items()
        if node not in users and not in_use.get(node) and one.metadata.deletion_timestamp is None
    ]
    wanted = [node for node in users if node not in attached]
    if any(mode in _SHARED for mode in volume.spec.access_modes):
        return Plan(wanted, detach)
    # As long as one attachment is there, though it be on its way out, nobody else gets one.
    free = 0 if attached else 1
    refused = [pod for node in wanted[free:] for pod in users[node]]
    return Plan(wanted[:free], detach, refused)
