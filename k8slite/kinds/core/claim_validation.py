"""PersistentVolumes and the claims on them.

Mirrors `ValidatePersistentVolume` and `ValidatePersistentVolumeClaim` in their main rules.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.selector_validation import (
    NOT_POSITIVE,
    validate_label_selector,
    validate_node_selector,
)
from k8slite.kinds.core.volume_validation import validate_host_path, validate_nfs
from k8slite.objects import quantity
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_dns1123_subdomain

Json = dict[str, Any]


def validate_claim(new: Json, old: Json | None) -> list[Cause]:
    """A PersistentVolumeClaim."""
    spec = new.get("spec", {})
    found = validate_claim_spec(spec, "spec")
    if old is not None:
        found += _claim_update(new, old)
    return found


def validate_claim_spec(spec: Json, path: str) -> list[Cause]:
    """What is asked for: also in templates of claims."""
    found = _access_modes(spec, path, "at least 1 access mode is required")
    found += validate_label_selector(spec.get("selector"), f"{path}.selector")
    storage = spec.get("resources", {}).get("requests", {}).get("storage")
    at = f"{path}.resources[storage]"
    if storage is None:
        found.append(required(at))
    elif quantity.nano(storage) <= 0:
        found.append(invalid(at, storage, NOT_POSITIVE))
    return found + _class_and_mode(spec, path)


def validate_volume(new: Json, old: Json | None) -> list[Cause]:
    """A PersistentVolume."""
    spec = new.get("spec", {})
    found = _access_modes(spec, "spec", "")
    capacity = spec.get("capacity", {})
    if not capacity:
        found.append(required("spec.capacity"))
    if list(capacity) != ["storage"]:
        found.append(not_supported("spec.capacity", list(capacity), ("storage",)))
    for name, amount in capacity.items():
        if quantity.nano(amount) <= 0:
            found.append(invalid(f"spec.capacity[{name}]", amount, NOT_POSITIVE))
    policy = spec.get("persistentVolumeReclaimPolicy", "")
    if policy not in _RECLAIM:
        found.append(not_supported("spec.persistentVolumeReclaimPolicy", policy, _RECLAIM))
    needed = spec.get("nodeAffinity", {}).get("required")
    if needed is not None:
        found += validate_node_selector(needed, "spec.nodeAffinity.required")
    sources = [key for key in spec if key not in _NOT_SOURCES]
    if not sources:
        found.append(required("spec", "must specify a volume type"))
    for key in sources[1:]:
        text = "may not specify more than 1 volume type"
        found.append(forbidden(f"spec.{key}", text))
    if "hostPath" in spec:
        found += validate_host_path(spec["hostPath"], "spec.hostPath")
    if "nfs" in spec:
        found += validate_nfs(spec["nfs"], "spec.nfs")
    if "local" in spec:
        if not spec["local"].get("path"):
            found.append(required("spec.local.path"))
        if needed is None:
            text = "Local volume requires node affinity"
            found.append(required("metadata.annotations", text))
    found += _class_and_mode(spec, "spec")
    if old is not None:
        before = old.get("spec", {})
        if any(spec.get(key) != before.get(key) for key in sources):
            text = "spec.persistentvolumesource is immutable after creation"
            found.append(forbidden("spec.persistentvolumesource", text))
        if spec.get("volumeMode") != before.get("volumeMode"):
            text = "field is immutable"
            found.append(invalid("spec.volumeMode", spec.get("volumeMode"), text))
    return found


def _claim_update(new: Json, old: Json) -> list[Cause]:
    after, before = dict(new.get("spec", {})), dict(old.get("spec", {}))
    found: list[Cause] = []
    size = after.get("resources", {}).get("requests", {}).get("storage", "0")
    old_size = before.get("resources", {}).get("requests", {}).get("storage", "0")
    bound = old.get("status", {}).get("phase") == "Bound"
    if bound and quantity.nano(size) < quantity.nano(old_size):
        text = "field can not be less than status.capacity"
        found.append(forbidden("spec.resources.requests.storage", text))
    for spec in (after, before):
        if bound:
            spec.pop("resources", None)
        spec.pop("volumeAttributesClassName", None)
    # The binder, or the default class, may fill in what was left open.
    for key in ("volumeName", "storageClassName"):
        if before.get(key) is None or (key == "volumeName" and not before[key]):
            after.pop(key, None)
            before.pop(key, None)
    if after != before:
        text = (
            "spec is immutable after creation except resources.requests and "
            "volumeAttributesClassName for bound claims\n"
        )
        found.append(forbidden("spec", text))
    return found


def _access_modes(spec: Json, path: str, text: str) -> list[Cause]:
    modes = spec.get("accessModes", [])
    at = f"{path}.accessModes"
    if not modes:
        return [required(at, text)]
    found = [not_supported(at, mode, _MODES) for mode in modes if mode not in _MODES]
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        text = "may not use ReadWriteOncePod with other access modes"
        found.append(forbidden(at, text))
    return found


def _class_and_mode(spec: Json, path: str) -> list[Cause]:
    name = spec.get("storageClassName")
    found = each(f"{path}.storageClassName", name, is_dns1123_subdomain(name)) if name else []
    mode = spec.get("volumeMode")
    if mode is not None and mode not in ("Block", "Filesystem"):
        found.append(not_supported(f"{path}.volumeMode", mode, ("Block", "Filesystem")))
    return found


_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_RECLAIM: Final = ("Delete", "Recycle", "Retain")
_NOT_SOURCES: Final = (
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
)
