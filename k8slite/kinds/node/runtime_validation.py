"""RuntimeClasses (upstream: `pkg/apis/node/validation`)."""

from __future__ import annotations

from typing import Any

from k8slite.objects.errors import Cause
from k8slite.objects.metadata_validation import each, immutable
from k8slite.objects.names import is_dns1123_label

Json = dict[str, Any]


def validate_runtime_class(new: Json, old: Json | None) -> list[Cause]:
    """A RuntimeClass, whose handler never changes."""
    handler = new.get("handler", "")
    if old is not None:
        return immutable("handler", handler, old.get("handler", ""))
    return each("handler", handler, is_dns1123_label(handler))
