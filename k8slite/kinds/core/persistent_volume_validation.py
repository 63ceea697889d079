"""PersistentVolumes (upstream: `ValidatePersistentVolume` and its update)."""

from __future__ import annotations

import posixpath
from typing import Any, Final

from k8slite.kinds.core.claim_validation import validate_access_modes, validate_class_and_mode
from k8slite.kinds.core.selector_validation import NOT_POSITIVE, validate_node_selector
from k8slite.kinds.core.volume_source_validation import (
    PERSISTENT_SOURCES,
    validate_portal_length,
    validate_sources,
)
from k8slite.objects import quantity
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.internal_diff import internal_diff
from k8slite.objects.metadata_validation import each, immutable
from k8slite.objects.names import is_dns1123_subdomain

Json = dict[str, Any]

_INLINE: Final = "may not be specified in the context of inline volumes"


def validate_volume(new: Json, old: Json | None) -> list[Cause]:
    """A PersistentVolume, whose source stays what it is."""
    spec = new.get("spec", {})
    found = validate_volume_spec(spec, new["metadata"].get("name", ""), "spec")
    return found if old is None else found + _update(spec, old.get("spec", {}))


def validate_volume_spec(spec: Json, name: str, path: str, *, inline: bool = False) -> list[Cause]:
    """The spec of a volume, or of one that stands in a VolumeAttachment itself."""
    found: list[Cause] = []
    if inline:
        found += [
            forbidden(f"{path}.{k}", _INLINE) for k in ("claimRef", "capacity") if spec.get(k)
        ]
        if spec.get("csi") is None:
            text = "has to be specified in the context of inline volumes"
            found.append(required(f"{path}.csi", text))
    found += validate_access_modes(spec, path, "")
    if not inline:
        found += _capacity(spec.get("capacity") or {}, f"{path}.capacity")
    found += _reclaim_policy(spec, path, inline=inline)
    affinity, at = spec.get("nodeAffinity"), f"{path}.nodeAffinity"
    if affinity is not None and inline:
        found.append(forbidden(at, _INLINE))
    elif affinity is not None and affinity.get("required") is None:
        found.append(required(f"{at}.required", "must specify required node constraints"))
    elif affinity is not None:
        found += validate_node_selector(affinity["required"], f"{at}.required")
    found += validate_sources(spec, path, PERSISTENT_SOURCES, _ORDER)
    iscsi = spec.get("iscsi")
    if iscsi is not None:
        portal = iscsi.get("targetPortal", "")
        found += validate_portal_length(iscsi, name, f"{path}.iscsi.targetportal", portal)
    if spec.get("local") is not None and (affinity is None or inline):
        found.append(required(at, "Local volume requires node affinity"))
    found += _root(spec, path)
    return found + _classes(spec, path, inline=inline)


def _capacity(capacity: Json, path: str) -> list[Cause]:
    found = [] if capacity else [required(path)]
    if list(capacity) != ["storage"]:
        found.append(not_supported(path, capacity or None, ("storage",)))
    for name, amount in sorted(capacity.items()):
        at = f"{path}[{name}]"
        if quantity.nano(amount) < 0:
            value = quantity.nano(amount) // 10**9
            found.append(invalid(at, value, "must be a valid resource quantity"))
        if quantity.nano(amount) <= 0:
            found.append(invalid(at, amount, NOT_POSITIVE))
    return found


def _reclaim_policy(spec: Json, path: str, *, inline: bool) -> list[Cause]:
    policy, at = spec.get("persistentVolumeReclaimPolicy", ""), f"{path}.{_POLICY}"
    if not policy:
        return []
    if inline:
        text = "may only be Retain in the context of inline volumes"
        return [] if policy == "Retain" else [forbidden(at, text)]
    return [] if policy in _RECLAIM else [not_supported(at, policy, _RECLAIM)]


def _root(spec: Json, path: str) -> list[Cause]:
    target = (spec.get("hostPath") or {}).get("path", "")
    # Two slashes at the beginning are kept by Python and not by Go.
    is_root = target.startswith("/") and posixpath.normpath(target).strip("/") == ""
    if is_root and spec.get(_POLICY) == "Recycle":
        return [forbidden(f"{path}.{_POLICY}", "may not be 'recycle' for a hostPath mount of '/'")]
    return []


def _classes(spec: Json, path: str, *, inline: bool) -> list[Cause]:
    if inline:
        found = []
        if spec.get("storageClassName"):
            found.append(forbidden(f"{path}.storageClassName", _INLINE))
        if spec.get("volumeMode", "Filesystem") != "Filesystem":
            text = (
                "may not specify volumeMode other than Filesystem in the context of inline volumes"
            )
            found.append(forbidden(f"{path}.volumeMode", text))
    else:
        found = validate_class_and_mode(spec, path)
    name, at = spec.get(_ATTRIBUTES), f"{path}.{_ATTRIBUTES}"
    if name is not None:
        wrong = each(at, name, is_dns1123_subdomain(name))
        found += wrong if name else [required(at, "an empty string is disallowed")]
        if spec.get("csi") is None:
            text = "has to be specified when using volumeAttributesClassName"
            found.append(required(f"{path}.csi", text))
    return found


def _update(after: Json, before: Json) -> list[Cause]:
    found: list[Cause] = []
    source, old_source = (
        {kind: spec[kind] for kind in _ORDER if spec.get(kind) is not None}
        for spec in (after, before)
    )
    # A driver that grew up may be told the secret for growth.
    if "csi" in source and _EXPAND not in old_source.get("csi", {_EXPAND: None}):
        source["csi"] = {key: value for key, value in source["csi"].items() if key != _EXPAND}
    if source != old_source:
        changed = internal_diff("core/v1.PersistentVolumeSource", old_source, source)
        text = f"spec.persistentvolumesource is immutable after creation\n{changed}"
        found.append(forbidden("spec.persistentvolumesource", text))
    # Upstream leaves `spec` out of these two paths.
    found += immutable("volumeMode", after.get("volumeMode"), before.get("volumeMode"))
    affinity, was = after.get("nodeAffinity"), before.get("nodeAffinity")
    if was is not None and not _upgraded(affinity, was):
        text = "field is immutable, except for updating from beta label to GA"
        found.append(invalid("nodeAffinity", affinity, text))
    if before.get(_ATTRIBUTES) is not None and after.get(_ATTRIBUTES) is None:
        text = "update from non-nil value to nil is forbidden"
        found.append(forbidden(f"spec.{_ATTRIBUTES}", text))
    return found


def _upgraded(new: Any, old: Any) -> bool:
    """Whether two node affinities differ at most by labels that got their final names."""
    if isinstance(new, dict) and isinstance(old, dict):
        return new.keys() == old.keys() and all(
            value == old[key]
            or (key == "key" and _FINAL_LABELS.get(old[key]) == value)
            or _upgraded(value, old[key])
            for key, value in new.items()
        )
    if isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and all(map(_upgraded, new, old))
    return bool(new == old)


_POLICY: Final = "persistentVolumeReclaimPolicy"
_ATTRIBUTES: Final = "volumeAttributesClassName"
_EXPAND: Final = "controllerExpandSecretRef"
_RECLAIM: Final = ("Delete", "Recycle", "Retain")
_FINAL_LABELS: Final = {
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
}
# The order in which upstream looks at the sources of a PersistentVolume.
_ORDER: Final = (
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
)
