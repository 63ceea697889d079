"""What extension API servers must know to believe this one: whose certificates, which headers.

A ConfigMap in kube-system, made again when it is deleted and repaired when somebody changes it.
Upstream: `pkg/controlplane/controller/clusterauthenticationtrust`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from attrs import frozen

from k8slite.client.resource import CONFIG_MAPS
from k8slite.controllers.controller import Context, Controller, only
from k8slite.kinds.core.models import ConfigMap
from k8slite.objects.codec import dumps
from k8slite.objects.errors import AlreadyExists
from k8slite.objects.meta import Name

Json = dict[str, Any]

CONFIG_MAP: Final = Name("kube-system", "extension-apiserver-authentication")


@frozen
class Trust:
    """Whom extension API servers may believe; certificates in PEM."""

    client_ca: str  # of users and components
    front_proxy_ca: str  # of who may say for whom he asks
    front_proxy_names: tuple[str, ...]  # what these are called; anything, where there are none
    # In which headers these say so.
    username_headers: tuple[str, ...]
    group_headers: tuple[str, ...]
    extra_prefixes: tuple[str, ...]
    uid_headers: tuple[str, ...]


class AuthenticationTrustController(Controller):
    """Its only key is the ConfigMap."""

    name: ClassVar[str] = "cluster_authentication_trust_controller"

    def __init__(self, context: Context, trust: Trust) -> None:
        super().__init__(context)
        self._data = {
            "client-ca-file": trust.client_ca,
            "requestheader-client-ca-file": trust.front_proxy_ca,
            "requestheader-allowed-names": _listed(trust.front_proxy_names),
            "requestheader-username-headers": _listed(trust.username_headers),
            "requestheader-uid-headers": _listed(trust.uid_headers),
            "requestheader-group-headers": _listed(trust.group_headers),
            "requestheader-extra-headers-prefix": _listed(trust.extra_prefixes),
        }
        self._config_maps = self.mirrors.of(CONFIG_MAPS, ConfigMap)
        self.watch(self._config_maps, only(CONFIG_MAP))

    async def start(self) -> None:
        """It is to be there from the start."""
        self.queue.add(CONFIG_MAP)

    async def reconcile(self, name: Name) -> None:
        """See to it that the ConfigMap says what it should; what else it says stays."""
        document = self._config_maps.document(name)
        if document is None:
            metadata = {"name": name.name, "namespace": name.namespace}
            try:
                await self.client.create(
                    CONFIG_MAPS, {"metadata": metadata, "data": self._data}, name.namespace
                )
            except AlreadyExists:
                return  # the mirror will tell what it is
            return
        data = document.get("data") or {}
        if any(data.get(key) != value for key, value in self._data.items()):
            await self.client.update(CONFIG_MAPS, {**document, "data": {**data, **self._data}})


def _listed(names: tuple[str, ...]) -> str:
    return dumps(list(names)).decode()
