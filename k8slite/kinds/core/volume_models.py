"""Volumes and what is asked of them, as far as components read them."""

from __future__ import annotations

from attrs import Factory, frozen

from k8slite.kinds.core.affinity_models import NodeSelector
from k8slite.kinds.core.models import Condition, ObjectReference, Quantities
from k8slite.kinds.models import LabelSelector, Metadata


@frozen
class VolumeResources:
    requests: Quantities = Factory(dict)


@frozen
class PersistentVolumeClaimSpec:
    access_modes: tuple[str, ...] = ()
    selector: LabelSelector | None = None
    resources: VolumeResources = VolumeResources()
    volume_name: str = ""
    storage_class_name: str | None = None
    volume_mode: str = "Filesystem"
    volume_attributes_class_name: str = ""


@frozen
class PersistentVolumeClaimStatus:
    phase: str = ""
    access_modes: tuple[str, ...] = ()
    capacity: Quantities = Factory(dict)
    conditions: tuple[Condition, ...] = ()


@frozen
class PersistentVolumeClaim:
    metadata: Metadata
    spec: PersistentVolumeClaimSpec = PersistentVolumeClaimSpec()
    status: PersistentVolumeClaimStatus = PersistentVolumeClaimStatus()


@frozen
class VolumeNodeAffinity:
    required: NodeSelector | None = None


@frozen
class CsiVolumeSource:
    driver: str = ""
    volume_handle: str = ""


@frozen
class HostPathVolumeSource:
    path: str = ""


@frozen
class PersistentVolumeSpec:
    capacity: Quantities = Factory(dict)
    access_modes: tuple[str, ...] = ()
    claim_ref: ObjectReference | None = None
    persistent_volume_reclaim_policy: str = "Retain"
    storage_class_name: str = ""
    volume_mode: str = "Filesystem"
    volume_attributes_class_name: str = ""
    node_affinity: VolumeNodeAffinity | None = None
    csi: CsiVolumeSource | None = None
    host_path: HostPathVolumeSource | None = None


@frozen
class PersistentVolumeStatus:
    phase: str = ""


@frozen
class PersistentVolume:
    metadata: Metadata
    spec: PersistentVolumeSpec = PersistentVolumeSpec()
    status: PersistentVolumeStatus = PersistentVolumeStatus()


@frozen
class TopologyRequirement:
    key: str = ""
    values: tuple[str, ...] = ()


@frozen
class TopologyTerm:
    match_label_expressions: tuple[TopologyRequirement, ...] = ()


@frozen
class StorageClass:
    metadata: Metadata
    provisioner: str = ""
    reclaim_policy: str = "Delete"
    volume_binding_mode: str = "Immediate"
    allow_volume_expansion: bool = False
    allowed_topologies: tuple[TopologyTerm, ...] = ()


@frozen
class AttachmentSource:
    persistent_volume_name: str = ""


@frozen
class VolumeAttachmentSpec:
    attacher: str = ""
    node_name: str = ""
    source: AttachmentSource = AttachmentSource()


@frozen
class VolumeAttachmentStatus:
    attached: bool = False


@frozen
class VolumeAttachment:
    metadata: Metadata
    spec: VolumeAttachmentSpec = VolumeAttachmentSpec()
    status: VolumeAttachmentStatus = VolumeAttachmentStatus()


@frozen
class CsiDriverSpec:
    attach_required: bool = True
    storage_capacity: bool = False


@frozen
class CsiDriver:
    metadata: Metadata
    spec: CsiDriverSpec = CsiDriverSpec()


@frozen
class VolumeNodeResources:
    count: int | None = None


@frozen
class CsiNodeDriver:
    name: str = ""
    allocatable: VolumeNodeResources | None = None


@frozen
class CsiNodeSpec:
    drivers: tuple[CsiNodeDriver, ...] = ()


@frozen
class CsiNode:
    metadata: Metadata
    spec: CsiNodeSpec = CsiNodeSpec()


@frozen
class CsiStorageCapacity:
    """How large a volume of a class can become on some nodes."""

    metadata: Metadata
    storage_class_name: str = ""
    node_topology: LabelSelector | None = None  # None: on no node
    capacity: str | int | None = None
    maximum_volume_size: str | int | None = None
