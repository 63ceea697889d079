"""Volumes on nodes, what room there is for more, and what can be changed of them.

Upstream: `pkg/apis/storage/validation`.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.persistent_volume_validation import validate_volume_spec
from k8slite.kinds.core.selector_validation import validate_label_selector
from k8slite.kinds.storage.class_validation import validate_parameters, validate_provisioner
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, required, too_long
from k8slite.objects.metadata_validation import NOT_NEGATIVE, each, immutable
from k8slite.objects.names import is_dns1123_subdomain
from k8slite.objects.quantity import nano

Json = dict[str, Any]

_METADATA_MOST_BYTES: Final = 256 * 1024
_MESSAGE_MOST: Final = 1024
_ONE_SOURCE: Final = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


def validate_attachment(new: Json, old: Json | None) -> list[Cause]:
    """A VolumeAttachment, whose spec never changes."""
    spec = new.get("spec") or {}
    found: list[Cause] = []
    if not spec.get("attacher"):
        found.append(required("spec.attacher"))
    source = spec.get("source") or {}
    volume = source.get("persistentVolumeName")
    has_inline = source.get("inlineVolumeSpec") is not None
    if volume is None and not has_inline:
        found.append(required("spec.source", _ONE_SOURCE))
    elif volume is not None and has_inline:
        found.append(forbidden("spec.source", _ONE_SOURCE))
    elif volume == "":
        what = "must specify non empty persistentVolumeName"
        found.append(required("spec.source.persistentVolumeName", what))
    elif has_inline:
        path = "spec.source.inlineVolumeSpec"
        found += validate_volume_spec(source["inlineVolumeSpec"], "", path, inline=True)
    node = spec.get("nodeName", "")
    found += each("spec.nodeName", node, is_dns1123_subdomain(node))
    found += validate_attachment_status(new, old)
    if volume:
        path = "spec.source.persistentVolumeName"
        found += each(path, volume, is_dns1123_subdomain(volume))
    if old is not None and spec != (old.get("spec") or {}):
        found.append(invalid("spec", spec, "field is immutable"))
    return found


def validate_attachment_status(new: Json, _old: Json | None) -> list[Cause]:
    """How big what drivers say may be."""
    status = new.get("status") or {}
    found: list[Cause] = []
    metadata = status.get("attachmentMetadata") or {}
    if sum(len(key) + len(value) for key, value in metadata.items()) > _METADATA_MOST_BYTES:
        found.append(too_long("status.attachmentMetadata", _METADATA_MOST_BYTES))
    for part in ("attachError", "detachError"):
        if len((status.get(part) or {}).get("message", "")) > _MESSAGE_MOST:
            found.append(too_long(f"status.{part}.message", _MESSAGE_MOST))
    return found


def validate_capacity(new: Json, old: Json | None) -> list[Cause]:
    """A CSIStorageCapacity; where and of which class it is never changes."""
    found = validate_label_selector(new.get("nodeTopology"), "nodeTopology")
    name = new.get("storageClassName", "")
    found += each("storageClassName", name, is_dns1123_subdomain(name))
    for part in ("capacity", "maximumVolumeSize"):
        amount = new.get(part)
        if amount is not None and nano(amount) < 0:
            found.append(invalid(part, amount, NOT_NEGATIVE))
    if old is not None:
        for part in ("nodeTopology", "storageClassName"):
            found += immutable(part, new.get(part), old.get(part))
    return found


def validate_attributes_class(new: Json, old: Json | None) -> list[Cause]:
    """A VolumeAttributesClass, of which nothing changes but its metadata."""
    if old is None:
        found = validate_provisioner(new.get("driverName", ""), "driverName")
        return found + validate_parameters(new.get("parameters") or {}, "parameters", least=1)
    return [
        forbidden(part, f"updates to {part} are forbidden.")
        for part in ("driverName", "parameters")
        if (new.get(part) or {}) != (old.get(part) or {})
    ]
