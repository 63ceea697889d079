"""Events: an event lies in the namespace of what it is about.

Mirrors `legacyValidateEvent` of `pkg/apis/core/validation/events.go`.
"""

from __future__ import annotations

from typing import Any

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_dns1123_subdomain

Json = dict[str, Any]


def validate_event(new: Json, _old: Json | None) -> list[Cause]:
    """An Event of the core group."""
    namespace = new["metadata"].get("namespace", "")
    about = new.get("involvedObject", {}).get("namespace", "")
    found: list[Cause] = []
    if not about:
        # What has no namespace is told of in the default one, or in kube-system.
        if namespace not in ("default", "kube-system"):
            found.append(invalid("involvedObject.namespace", "", "does not match event.namespace"))
    elif about != namespace:
        text = "does not match event.namespace"
        found.append(invalid("involvedObject.namespace", about, text))
    return found + each("namespace", namespace, is_dns1123_subdomain(namespace))
