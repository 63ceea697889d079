"""RuntimeClasses (upstream: `pkg/apis/node/validation`)."""

from __future__ import annotations

from typing import Any

from k8slite.kinds.core.resource_validation import validate_requirements
from k8slite.kinds.core.selector_validation import validate_tolerations
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate
from k8slite.objects.metadata_validation import each, immutable, validate_labels
from k8slite.objects.names import is_dns1123_label

Json = dict[str, Any]


def validate_runtime_class(new: Json, old: Json | None) -> list[Cause]:
    """A RuntimeClass, whose handler never changes."""
    handler = new.get("handler", "")
    if old is not None:
        return immutable("handler", handler, old.get("handler", ""))
    found = each("handler", handler, is_dns1123_label(handler))
    costs = (new.get("overhead") or {}).get("podFixed")
    if costs:
        # As limits of a container, which is what upstream looks at it as.
        found += validate_requirements({"limits": costs}, "overhead")
    scheduling = new.get("scheduling") or {}
    found += validate_labels(scheduling.get("nodeSelector"), "scheduling.nodeSelector")
    tolerations, path = scheduling.get("tolerations") or [], "scheduling.tolerations"
    found += validate_tolerations(tolerations, path)
    return found + [
        duplicate(f"{path}[{i}]", one)
        for i, one in enumerate(tolerations)
        if one in tolerations[:i]
    ]
