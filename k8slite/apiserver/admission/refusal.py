"""How a plugin refuses a write."""

from __future__ import annotations

from k8slite.apiserver.attributes import Attributes
from k8slite.objects.errors import Forbidden
from k8slite.objects.fields import quoted


def forbidden(attributes: Attributes, why: str) -> Forbidden:
    """Upstream's `admission.NewForbidden`."""
    kind = attributes.asked.kind
    metadata = (attributes.new or {}).get("metadata") or {}
    name = metadata.get("name") or metadata.get("generateName") or attributes.asked.name
    details = {"name": name, "kind": kind.plural}
    if kind.group:
        details["group"] = kind.group
    return Forbidden(f"{kind.group_resource} {quoted(name)} is forbidden: {why}", details=details)
