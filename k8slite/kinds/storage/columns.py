"""How storage classes, CSI drivers and attachments are printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from attrs import evolve

from k8slite.kinds.cells import AGE, NAME, age, described, items, name, part, table
from k8slite.kinds.kind import Column, Json, Table

_DEFAULT_CLASS: Final = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_DEFAULT_ATTRIBUTES_CLASS: Final = ("volumeattributesclass.alpha.kubernetes.io/is-default-class",)


def _driver(obj: Json, now: datetime) -> list[Any]:
    spec = part(obj, "spec")
    tokens = spec.get("tokenRequests")
    return [
        name(obj),
        spec.get("attachRequired") is not False,
        bool(spec.get("podInfoOnMount")),
        bool(spec.get("storageCapacity")),
        "<unset>" if tokens is None else ",".join(one.get("audience", "") for one in tokens),
        bool(spec.get("requiresRepublish")),
        ",".join(items(spec, "volumeLifecycleModes")) or "<none>",
        age(obj, now),
    ]


def _node(obj: Json, now: datetime) -> list[Any]:
    return [name(obj), len(items(part(obj, "spec"), "drivers")), age(obj, now)]


def _class(obj: Json, now: datetime) -> list[Any]:
    return [
        _marked(obj, _DEFAULT_CLASS),
        obj.get("provisioner") or "",
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        age(obj, now),
    ]


def _marked(obj: Json, annotations: tuple[str, ...]) -> str:
    found = part(obj, "metadata", "annotations")
    default = any(found.get(annotation) == "true" for annotation in annotations)
    return f"{name(obj)} (default)" if default else name(obj)


def _attachment(obj: Json, now: datetime) -> list[Any]:
    spec = part(obj, "spec")
    return [
        name(obj),
        spec.get("attacher") or "",
        part(spec, "source").get("persistentVolumeName") or "",
        spec.get("nodeName") or "",
        bool(part(obj, "status").get("attached")),
        age(obj, now),
    ]


def _attributes_class(obj: Json, now: datetime) -> list[Any]:
    return [
        _marked(obj, _DEFAULT_ATTRIBUTES_CLASS),
        obj.get("driverName") or "",
        age(obj, now),
    ]


_DRIVER: Final = "storage.v1.CSIDriverSpec"
_CLASS: Final = "storage.v1.StorageClass"
_ATTACHMENT: Final = "storage.v1.VolumeAttachmentSpec"

TABLES: Final[Mapping[str, Table]] = {
    "csidrivers": table(
        _driver,
        NAME,
        described("AttachRequired", _DRIVER, "attachRequired", "boolean"),
        described("PodInfoOnMount", _DRIVER, "podInfoOnMount", "boolean"),
        described("StorageCapacity", _DRIVER, "storageCapacity", "boolean"),
        described("TokenRequests", _DRIVER, "tokenRequests"),
        described("RequiresRepublish", _DRIVER, "requiresRepublish", "boolean"),
        described("Modes", _DRIVER, "volumeLifecycleModes"),
        AGE,
    ),
    "csinodes": table(
        _node,
        NAME,
        Column(
            "Drivers",
            "integer",
            "Drivers indicates the number of CSI drivers registered on the node",
        ),
        AGE,
    ),
    "storageclasses": table(
        _class,
        NAME,
        described("Provisioner", _CLASS, "provisioner"),
        described("ReclaimPolicy", _CLASS, "reclaimPolicy"),
        described("VolumeBindingMode", _CLASS, "volumeBindingMode"),
        described("AllowVolumeExpansion", _CLASS, "allowVolumeExpansion"),
        AGE,
    ),
    "volumeattachments": table(
        _attachment,
        NAME,
        evolve(described("Attacher", _ATTACHMENT, "attacher"), format="name"),
        described("PV", "storage.v1.VolumeAttachmentSource", "persistentVolumeName"),
        described("Node", _ATTACHMENT, "nodeName"),
        described("Attached", "storage.v1.VolumeAttachmentStatus", "attached", "boolean"),
        AGE,
    ),
    "volumeattributesclasses": table(
        _attributes_class,
        NAME,
        described("DriverName", "storage.v1.VolumeAttributesClass", "driverName"),
        AGE,
    ),
}
