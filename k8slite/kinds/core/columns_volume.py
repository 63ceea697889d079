"""How volumes and claims are printed (upstream: `printPersistentVolume` and `...Claim`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import AGE, NAME, access_modes, age, described, items, name, part, table
from k8slite.kinds.kind import Column, Json, Table

# Older than the field; where it is there, it counts.
_CLASS_ANNOTATION: Final = "volume.beta.kubernetes.io/storage-class"


def _volume(obj: Json, now: datetime) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    claim = spec.get("claimRef")
    return [
        name(obj),
        str(part(spec, "capacity").get("storage", "0")),
        access_modes(items(spec, "accessModes")),
        spec.get("persistentVolumeReclaimPolicy") or "",
        _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        _class(obj),
        _or_unset(spec, "volumeAttributesClassName"),
        status.get("reason") or "",
        age(obj, now),
        _or_unset(spec, "volumeMode"),
    ]


def _claim(obj: Json, now: datetime) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    volume = spec.get("volumeName") or ""
    return [
        name(obj),
        _phase(obj),
        volume,
        str(part(status, "capacity").get("storage", "0")) if volume else "",
        access_modes(items(status, "accessModes")) if volume else "",
        _class(obj),
        _or_unset(spec, "volumeAttributesClassName"),
        age(obj, now),
        _or_unset(spec, "volumeMode"),
    ]


def _phase(obj: Json) -> str:
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return part(obj, "status").get("phase") or ""


def _class(obj: Json) -> str:
    annotations = part(obj, "metadata", "annotations")
    if _CLASS_ANNOTATION in annotations:
        return str(annotations[_CLASS_ANNOTATION])
    return part(obj, "spec").get("storageClassName") or ""


def _or_unset(spec: Mapping[str, Any], field: str) -> str:
    value = spec.get(field)
    return "<unset>" if value is None else str(value)


VOLUME_TABLE: Final[Table] = table(
    _volume,
    NAME,
    described("Capacity", "core.v1.PersistentVolumeSpec", "capacity"),
    described("Access Modes", "core.v1.PersistentVolumeSpec", "accessModes"),
    described("Reclaim Policy", "core.v1.PersistentVolumeSpec", "persistentVolumeReclaimPolicy"),
    described("Status", "core.v1.PersistentVolumeStatus", "phase"),
    described("Claim", "core.v1.PersistentVolumeSpec", "claimRef"),
    Column("StorageClass", description="StorageClass of the pv"),
    Column("VolumeAttributesClass", description="VolumeAttributesClass of the pv"),
    described("Reason", "core.v1.PersistentVolumeStatus", "reason"),
    AGE,
    described("VolumeMode", "core.v1.PersistentVolumeSpec", "volumeMode", priority=1),
)

CLAIM_TABLE: Final[Table] = table(
    _claim,
    NAME,
    described("Status", "core.v1.PersistentVolumeClaimStatus", "phase"),
    described("Volume", "core.v1.PersistentVolumeClaimSpec", "volumeName"),
    described("Capacity", "core.v1.PersistentVolumeClaimStatus", "capacity"),
    described("Access Modes", "core.v1.PersistentVolumeClaimStatus", "accessModes"),
    Column("StorageClass", description="StorageClass of the pvc"),
    Column("VolumeAttributesClass", description="VolumeAttributesClass of the pvc"),
    AGE,
    described("VolumeMode", "core.v1.PersistentVolumeClaimSpec", "volumeMode", priority=1),
)
