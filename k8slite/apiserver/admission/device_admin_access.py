"""Claims to devices that others have are for namespaces that an administrator has marked.

Upstream checks it with the claim's strategy (`pkg/registry/resource`, AuthorizedForAdmin); here it
is admission's, since it goes by another object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.storage import Storage
from k8slite.objects.fields import forbidden, refuse

Json = dict[str, Any]

LABEL: Final = "resource.kubernetes.io/admin-access"


@frozen
class DeviceAdminAccess:
    """Looks at the requests of ResourceClaims and their templates that are made."""

    storage: Storage
    resources: Sequence[str] = (
        "resourceclaims.resource.k8s.io",
        "resourceclaimtemplates.resource.k8s.io",
    )
    operations: Sequence[str] = ("CREATE",)
    subresources: bool = False

    async def mutate(self, attributes: Attributes) -> None:
        """Changes nothing."""

    async def validate(self, attributes: Attributes) -> None:
        """Raises Invalid."""
        asked, obj = attributes.asked, attributes.new
        kind, namespace = asked.kind, asked.namespace
        assert obj is not None
        path = "spec.devices.requests"
        spec = obj["spec"]
        if kind.plural == "resourceclaimtemplates":
            spec = spec["spec"]
        for i, request in enumerate((spec.get("devices") or {}).get("requests") or ()):
            if not (request.get("exactly") or {}).get("adminAccess"):
                continue
            found = self.storage.find("namespaces/", "", namespace) or {"metadata": {}}
            if (found["metadata"].get("labels") or {}).get(LABEL) == "true":
                return
            what = (
                f"admin access to devices requires the `{LABEL}: true` label on the containing "
                "namespace"
            )
            name = obj["metadata"].get("name", "")
            cause = forbidden(f"{path}[{i}].adminAccess", what)
            raise refuse(kind.kind, kind.group, name, [cause])
