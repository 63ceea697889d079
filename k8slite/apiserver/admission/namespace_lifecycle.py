"""Nothing is created in a namespace that is absent or terminating, and some cannot be deleted.

Mirrors upstream's plugin NamespaceLifecycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.storage import Storage
from k8slite.objects.errors import Cause, Forbidden, NotFound

_IMMORTAL: Final = ("default", "kube-system", "kube-public")
# Reviews are asked about namespaces that need not exist.
_ANYWHERE: Final = ("localsubjectaccessreviews.authorization.k8s.io",)


@frozen
class NamespaceLifecycle:
    """Upstream's plugin of that name."""

    storage: Storage
    resources: Sequence[str] = ("*",)
    operations: Sequence[str] = ("CREATE", "DELETE")
    subresources: bool = False

    async def mutate(self, attributes: Attributes) -> None:
        asked = attributes.asked
        resource = asked.kind.group_resource
        if attributes.operation == "DELETE":
            if resource == "namespaces" and asked.name in _IMMORTAL:
                raise Forbidden(
                    f'namespaces "{asked.name}" is forbidden: this namespace may not be deleted',
                    details={"name": asked.name, "kind": "namespaces"},
                )
            return
        self._must_live(attributes)

    async def validate(self, attributes: Attributes) -> None:
        # Another plugin may have waited since.
        if attributes.operation == "CREATE":
            self._must_live(attributes)

    def _must_live(self, attributes: Attributes) -> None:
        asked = attributes.asked
        resource = asked.kind.group_resource
        if not asked.namespace or not asked.kind.namespaced or resource in _ANYWHERE:
            return
        stored = self.storage.store.get(f"namespaces/{asked.namespace}")
        if stored is None:
            raise NotFound(
                f'namespaces "{asked.namespace}" not found',
                details={"name": asked.namespace, "kind": "namespaces"},
            )
        if b'"deletionTimestamp"' in stored.value:
            self._refuse_if_terminating(attributes)

    def _refuse_if_terminating(self, attributes: Attributes) -> None:
        asked = attributes.asked
        namespace = self.storage.find("namespaces/", "", asked.namespace)
        if namespace is None or "deletionTimestamp" not in namespace["metadata"]:
            return
        name = (attributes.new or {}).get("metadata", {}).get("name", "")
        details = {"name": name, "kind": asked.kind.plural}
        if asked.kind.group:
            details["group"] = asked.kind.group
        why = f"namespace {asked.namespace} is being terminated"
        raise Forbidden(
            f'{asked.kind.group_resource} "{name}" is forbidden: unable to create new content in '
            f"namespace {asked.namespace} because it is being terminated",
            details=details,
            causes=[Cause("NamespaceTerminating", why, "metadata.namespace")],
        )
