"""Every namespace has a ConfigMap with the certificates that pods verify the API server with.

It is made again when it is deleted, and repaired when somebody changes it. Upstream:
`pkg/controller/certificates/rootcacertpublisher`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from k8slite.client.resource import CONFIG_MAPS, NAMESPACES
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.identity.serviceaccount import active, gone_or_terminating, namespace_key
from k8slite.kinds.core.models import ConfigMap, Namespace
from k8slite.objects.errors import AlreadyExists, ApiError
from k8slite.objects.measures import Counter, Family
from k8slite.objects.meta import Name

Json = dict[str, Any]

CONFIG_MAP: Final = "kube-root-ca.crt"
KEY: Final = "ca.crt"
DESCRIPTION_KEY: Final = "kubernetes.io/description"
DESCRIPTION: Final = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
    "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
    "guaranteed across distributions of Kubernetes clusters."
)


class RootCaPublisher(Controller):
    """Publishes the CA bundle (PEM) in each active namespace."""

    name: ClassVar[str] = "root-ca-cert-publisher"

    def __init__(self, context: Context, bundle: str) -> None:
        super().__init__(context)
        self._data = {KEY: bundle}
        self._syncs = Counter(
            "root_ca_cert_publisher_sync_total",
            "[ALPHA] Number of namespace syncs happened in root ca cert publisher.",
            ("code",),
        )
        self._namespaces = self.mirrors.of(NAMESPACES, Namespace)
        self._config_maps = self.mirrors.of(CONFIG_MAPS, ConfigMap)
        self.watch(self._namespaces, namespace_key)
        self.watch(self._config_maps, _changed)

    def measures(self) -> Iterable[Family]:
        """How many namespaces were looked at, and what came of it."""
        return (self._syncs,)

    async def reconcile(self, name: Name) -> None:
        """See to it that a namespace has the bundle, and exactly that."""
        try:
            await self._sync(name)
        except ApiError as error:
            self._syncs.add(str(error.status_code))
            raise
        self._syncs.add("200")

    async def _sync(self, name: Name) -> None:
        namespace = self._namespaces.get(name)
        if namespace is None or not active(namespace):
            return
        key = Name(name.name, CONFIG_MAP)
        found = self._config_maps.get(key)
        if found is None:
            await self._create(name.name)
            return
        described = found.metadata.annotations.get(DESCRIPTION_KEY) == DESCRIPTION
        if found.data == self._data and described:
            return
        document = self._config_maps.document(key)
        assert document is not None, "a mirror has the document of what it has the model of"
        annotations = dict(document["metadata"].get("annotations") or {})
        document["metadata"]["annotations"] = {**annotations, DESCRIPTION_KEY: DESCRIPTION}
        document["data"] = self._data
        await self.client.update(CONFIG_MAPS, document)

    async def _create(self, namespace: str) -> None:
        config_map: Json = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": CONFIG_MAP,
                "namespace": namespace,
                "annotations": {DESCRIPTION_KEY: DESCRIPTION},
            },
            "data": self._data,
        }
        try:
            await self.client.create(CONFIG_MAPS, config_map, namespace)
        except AlreadyExists:
            return  # somebody was quicker; what it is, the mirror will tell
        except ApiError as error:
            if not gone_or_terminating(error):
                raise


def _changed(old: ConfigMap | None, new: ConfigMap | None) -> Iterable[Name]:
    """The key of the namespace of a ConfigMap that is not as it was."""
    config_map = new or old
    if config_map is None or config_map.metadata.name != CONFIG_MAP:
        return ()
    return (Name("", config_map.metadata.namespace),)
