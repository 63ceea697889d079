"""PersistentVolumeClaims, and the templates of claims.

Mirrors `ValidatePersistentVolumeClaim`, its update and the update of its status.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.resource_validation import validate_amount
from k8slite.kinds.core.selector_validation import NOT_POSITIVE, validate_label_selector
from k8slite.objects import quantity
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.internal_diff import internal_diff
from k8slite.objects.metadata_validation import (
    each,
    immutable,
    validate_annotations,
    validate_labels,
)
from k8slite.objects.names import is_dns1123_label, is_dns1123_subdomain, is_qualified_name

Json = dict[str, Any]


def validate_claim(new: Json, old: Json | None) -> list[Cause]:
    """A PersistentVolumeClaim."""
    spec = new.get("spec", {})
    if old is None:
        return validate_claim_spec(spec, "spec")
    return validate_claim_spec(spec, "spec", old.get("spec", {})) + _update(new, old)


def validate_claim_spec(spec: Json, path: str, old: Json | None = None) -> list[Cause]:
    """What is asked for: also in templates of claims."""
    found = validate_access_modes(spec, path, "at least 1 access mode is required")
    found += validate_label_selector(spec.get("selector"), f"{path}.selector")
    storage = spec.get("resources", {}).get("requests", {}).get("storage")
    at = f"{path}.resources[storage]"
    if storage is None:
        found.append(required(at))
    elif quantity.nano(storage) <= 0:
        found.append(invalid(at, storage, NOT_POSITIVE))
    else:
        found += validate_amount("storage", storage, at)
    found += validate_class_and_mode(spec, path)
    found += _data_sources(spec, path, old or {})
    name = spec.get(_ATTRIBUTES)
    return found + (each(f"{path}.{_ATTRIBUTES}", name, is_dns1123_subdomain(name)) if name else [])


def validate_claim_template(template: Json, path: str) -> list[Cause]:
    """A claim that is made for a Pod: only labels and annotations of its metadata are used."""
    found = validate_template_metadata(template.get("metadata") or {}, f"{path}.metadata")
    return found + validate_claim_spec(template.get("spec", {}), f"{path}.spec")


def validate_template_metadata(metadata: Json, path: str) -> list[Cause]:
    """Metadata of what is made for a Pod (upstream: `ValidateTemplateObjectMeta`)."""
    found = validate_annotations(metadata.get("annotations"), f"{path}.annotations")
    found += validate_labels(metadata.get("labels"), f"{path}.labels")
    for key, told in _NO_METADATA:
        if metadata.get(key):
            found.append(forbidden(f"{path}.{told}", "cannot be set"))
    return found


def validate_claim_status(new: Json, old: Json | None) -> list[Cause]:
    """What a claim got, and how far its growth has come."""
    del old
    status = new.get("status", {})
    found: list[Cause] = []
    if not new.get("spec", {}).get("accessModes"):
        found.append(required("Spec.accessModes"))
    for name, amount in sorted((status.get("capacity") or {}).items()):
        found += _not_negative(amount, f"status.capacity[{name}]")
    at = "status.allocatedResourceStatus"
    for name, state in sorted((status.get("allocatedResourceStatuses") or {}).items()):
        found += _resource(name, at)
        if state not in _RESIZES:
            found.append(not_supported(at, name, _RESIZES))
    for name, amount in sorted((status.get("allocatedResources") or {}).items()):
        at = "status.allocatedResources"
        found += _resource(name, at) or _not_negative(amount, f"{at}[{name}]")
    return found


def validate_access_modes(spec: Json, path: str, text: str) -> list[Cause]:
    """How a volume may be mounted; `text` explains that there is nothing."""
    modes = spec.get("accessModes", [])
    at = f"{path}.accessModes"
    if not modes:
        return [required(at, text)]
    found = [not_supported(at, mode, _MODES) for mode in modes if mode not in _MODES]
    if _ALONE in modes and any(mode != _ALONE and mode in _MODES for mode in modes):
        found.append(forbidden(at, "may not use ReadWriteOncePod with other access modes"))
    return found


def validate_class_and_mode(spec: Json, path: str) -> list[Cause]:
    """Of which class a volume is, and whether it has files or blocks."""
    name = spec.get("storageClassName")
    found = each(f"{path}.storageClassName", name, is_dns1123_subdomain(name)) if name else []
    mode = spec.get("volumeMode")
    if mode is not None and mode not in ("Block", "Filesystem"):
        found.append(not_supported(f"{path}.volumeMode", mode, ("Block", "Filesystem")))
    return found


def _data_sources(spec: Json, path: str, old: Json) -> list[Cause]:
    found: list[Cause] = []
    # What had a group at all is not looked at again.
    known = any((old.get(key) or {}).get("apiGroup") is not None for key in _SOURCES)
    for key in _SOURCES:
        source, at = spec.get(key), f"{path}.{key}"
        if source is None:
            continue
        found += [required(f"{at}.{part}") for part in ("name", "kind") if not source.get(part)]
        group, kind = source.get("apiGroup") or "", source.get("kind", "")
        if not group and kind != "PersistentVolumeClaim":
            text = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
            found.append(invalid(at, kind, text))
        if group and not known:
            found += each(f"{at}.apiGroup", group, is_dns1123_subdomain(group))
        namespace = source.get("namespace")
        if namespace:
            found += each(f"{at}.namespace", namespace, is_dns1123_label(namespace))
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is None or reference is None:
        return found
    # Upstream shows the path, which is an object without visible fields.
    if reference.get("namespace"):
        text = "may not be specified when dataSourceRef.namespace is specified"
        found.append(invalid(path, {}, text))
    elif any(source.get(key) != reference.get(key) for key in ("apiGroup", "kind", "name")):
        found.append(invalid(path, {}, "must match dataSourceRef"))
    return found


def _update(new: Json, old: Json) -> list[Cause]:
    after, before = dict(new.get("spec", {})), dict(old.get("spec", {}))
    found = _class_update(new, old, after)
    if not before.get("volumeName"):
        # The binder fills it in, once.
        before["volumeName"] = after.get("volumeName")
    if new.get("status", {}).get("phase") == "Bound":
        after["resources"] = _resized(after.get("resources") or {}, before.get("resources") or {})
        if after.get(_ATTRIBUTES) is not None:
            after[_ATTRIBUTES] = before.get(_ATTRIBUTES)
    if {k: v for k, v in after.items() if v} != {k: v for k, v in before.items() if v}:
        changed = internal_diff("core/v1.PersistentVolumeClaimSpec", before, after)
        found.append(forbidden("spec", f"{_SPEC_REFUSED}{changed}"))
    size, old_size = _storage(new.get("spec", {})), _storage(old.get("spec", {}))
    held = (old.get("status", {}).get("capacity") or {}).get("storage", "0")
    if size < old_size and size <= quantity.nano(held):
        text = "field can not be less than status.capacity"
        found.append(forbidden("spec.resources.requests.storage", text))
    # Upstream leaves `spec` out of this path.
    found += immutable("volumeMode", after.get("volumeMode"), before.get("volumeMode"))
    was, name = old.get("spec", {}).get(_ATTRIBUTES), new.get("spec", {}).get(_ATTRIBUTES)
    if was is not None and not name:
        what = "nil" if name is None else "an empty string"
        text = f"update from non-nil value to {what} is forbidden"
        found.append(forbidden(f"spec.{_ATTRIBUTES}", text))
    return found


def _class_update(new: Json, old: Json, after: Json) -> list[Cause]:
    """A class may be given to a claim that has none, or had one by the old annotation."""
    marked = (old["metadata"].get("annotations") or {}).get(_CLASS_ANNOTATION)
    mark = (new["metadata"].get("annotations") or {}).get(_CLASS_ANNOTATION)
    name, was = after.get("storageClassName"), old.get("spec", {}).get("storageClassName")
    if marked is not None and was is None and name == marked and mark in (None, marked):
        after.pop("storageClassName")
        return []
    if was is None and name is not None and marked in (None, name):
        after.pop("storageClassName")
    path = f"metadata.annotations[{_CLASS_ANNOTATION}]"
    return immutable(path, mark or "", marked or "")


def _resized(new: Json, old: Json) -> Json:
    if new.get("requests") is None:
        return new
    requests = {**new["requests"]}
    requests["storage"] = (old.get("requests") or {}).get("storage")
    return {**new, "requests": requests}


def _storage(spec: Json) -> int:
    amounts = (spec.get("resources") or {}).get("requests") or {}
    return quantity.nano(amounts.get("storage", "0"))


def _resource(name: str, path: str) -> list[Cause]:
    wrong = each(path, name, is_qualified_name(name))
    prefix, slash, _ = name.rpartition("/")
    own = not slash or "kubernetes.io/" in f"{prefix}/"
    if not wrong and own and name != "storage":
        return [not_supported(path, name, ("storage",))]
    return wrong


def _not_negative(amount: str, path: str) -> list[Cause]:
    if quantity.nano(amount) >= 0:
        return []
    return [invalid(path, -(-quantity.nano(amount) // 10**9), "must be a valid resource quantity")]


_ATTRIBUTES: Final = "volumeAttributesClassName"
_CLASS_ANNOTATION: Final = "volume.beta.kubernetes.io/storage-class"
_ALONE: Final = "ReadWriteOncePod"
_SOURCES: Final = ("dataSource", "dataSourceRef")
_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_RESIZES: Final = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizePending",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
)
_SPEC_REFUSED: Final = (
    "spec is immutable after creation except resources.requests and "
    "volumeAttributesClassName for bound claims\n"
)
# What a template may not say of its claims' metadata, and how upstream writes it.
_NO_METADATA: Final = (
    ("name", "name"),
    ("generateName", "generateName"),
    ("namespace", "namespace"),
    ("selfLink", "selfLink"),
    ("uid", "uID"),
    ("resourceVersion", "resourceVersion"),
    ("generation", "generation"),
    ("creationTimestamp", "creationTimestamp"),
    ("deletionTimestamp", "deletionTimestamp"),
    ("deletionGracePeriodSeconds", "deletionGracePeriodSeconds"),
    ("ownerReferences", "ownerReferences"),
    ("finalizers", "finalizers"),
    ("managedFields", "managedFields"),
)
