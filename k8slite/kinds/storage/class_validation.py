"""StorageClasses (upstream: `pkg/apis/storage/validation`)."""

from __future__ import annotations

from typing import Any

from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, not_supported, required
from k8slite.objects.metadata_validation import each, immutable
from k8slite.objects.names import is_qualified_name

Json = dict[str, Any]


def validate_storage_class(new: Json, old: Json | None) -> list[Cause]:
    """A StorageClass; nearly nothing of it ever changes."""
    found: list[Cause] = []
    if old is not None:
        if (new.get("parameters") or {}) != (old.get("parameters") or {}):
            found.append(forbidden("parameters", "updates to parameters are forbidden."))
        if new.get("provisioner") != old.get("provisioner"):
            found.append(forbidden("provisioner", "updates to provisioner are forbidden."))
        if new.get("reclaimPolicy") != old.get("reclaimPolicy"):
            found.append(forbidden("reclaimPolicy", "updates to reclaimPolicy are forbidden."))
        mode = new.get("volumeBindingMode")
        return found + immutable("volumeBindingMode", mode, old.get("volumeBindingMode"))
    provisioner = new.get("provisioner", "")
    if not provisioner:
        found.append(required("provisioner"))
    else:
        found += each("provisioner", provisioner, is_qualified_name(provisioner.lower()))
    for key, known in (
        ("reclaimPolicy", ("Delete", "Retain")),
        ("volumeBindingMode", ("Immediate", "WaitForFirstConsumer")),
    ):
        if new.get(key) not in known:
            found.append(not_supported(key, new.get(key, ""), known))
    return found
