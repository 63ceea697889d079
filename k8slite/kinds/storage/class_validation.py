"""StorageClasses (upstream: `pkg/apis/storage/validation`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required, too_long
from k8slite.objects.metadata_validation import each, immutable
from k8slite.objects.names import is_qualified_name

Json = dict[str, Any]

_PARAMETERS_MOST: Final = 512
_PARAMETERS_MOST_BYTES: Final = 256 * 1024


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
    found += validate_provisioner(new.get("provisioner", ""), "provisioner")
    found += validate_parameters(new.get("parameters") or {}, "parameters")
    for key, known in (
        ("reclaimPolicy", ("Delete", "Retain")),
        ("volumeBindingMode", ("Immediate", "WaitForFirstConsumer")),
    ):
        if new.get(key) not in known:
            found.append(not_supported(key, new.get(key, ""), known))
    return found


def validate_provisioner(name: str, path: str) -> list[Cause]:
    """The name of who makes volumes."""
    return each(path, name, is_qualified_name(name.lower())) if name else [required(path)]


def validate_parameters(parameters: Mapping[str, str], path: str, *, least: int = 0) -> list[Cause]:
    """What a provisioner or a driver is told."""
    if len(parameters) > _PARAMETERS_MOST:
        return [too_long(path, _PARAMETERS_MOST)]
    found = [invalid(path, "", "field can not be empty.") for key in parameters if not key]
    if sum(len(key) + len(value) for key, value in parameters.items()) > _PARAMETERS_MOST_BYTES:
        found.append(too_long(path, _PARAMETERS_MOST_BYTES))
    if len(parameters) < least:
        found.append(required(path, "must contain at least one key/value pair"))
    return found
