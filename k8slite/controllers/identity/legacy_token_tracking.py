"""Since when it is noted which tokens in Secrets are used, and the day each was used last.

The former is a ConfigMap in kube-system, made again when it is deleted (upstream:
`pkg/controlplane/controller/legacytokentracking`), the latter a label of the Secret
(`pkg/serviceaccount/legacy.go`, which makes the request wait for the write; nobody waits here).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, ClassVar, Final

from k8slite.client.resource import CONFIG_MAPS, SECRETS
from k8slite.controllers.controller import Context, Controller, only
from k8slite.kinds.core.models import ConfigMap
from k8slite.objects.errors import AlreadyExists, Conflict, NotFound
from k8slite.objects.meta import Name

Json = dict[str, Any]

CONFIG_MAP: Final = Name("kube-system", "kube-apiserver-legacy-service-account-token-tracking")
SINCE: Final = "since"
LAST_USED: Final = "kubernetes.io/legacy-token-last-used"


class LegacyTokenTracking(Controller):
    """Its keys are the ConfigMap, and the names of Secrets whose token was used."""

    name: ClassVar[str] = "legacy-token-tracking-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._used: dict[Name, str] = {}  # the uids of Secrets that are to be labelled
        self._config_maps = self.mirrors.of(CONFIG_MAPS, ConfigMap)
        self.watch(self._config_maps, only(CONFIG_MAP))

    def use(self, secret: Json) -> None:
        """Note that the token of a Secret was shown, good or not; once a day is enough."""
        metadata = secret["metadata"]
        if self._is_noted(metadata):
            return
        name = Name(metadata["namespace"], metadata["name"])
        self._used[name] = metadata["uid"]
        self.queue.add(name)

    async def start(self) -> None:
        """It is to be there from the start."""
        self.queue.add(CONFIG_MAP)

    async def reconcile(self, name: Name) -> None:
        """Have the ConfigMap say since when, and a Secret that was used, that it was today."""
        if name == CONFIG_MAP:
            await self._keep()
        uid = self._used.get(name)
        if uid is None:
            return
        metadata = {"uid": uid, "labels": {LAST_USED: self._today.isoformat()}}
        try:
            await self.client.patch(SECRETS, name.name, {"metadata": metadata}, name.namespace)
        except (NotFound, Conflict):
            pass  # gone, or another one of the name
        self._used.pop(name, None)

    async def _keep(self) -> None:
        config_map = self._config_maps.document(CONFIG_MAP)
        since = {SINCE: self._today.isoformat()}
        if config_map is None:
            metadata = {"name": CONFIG_MAP.name, "namespace": CONFIG_MAP.namespace}
            wanted = {"metadata": metadata, "data": since}
            try:
                await self.client.create(CONFIG_MAPS, wanted, CONFIG_MAP.namespace)
            except AlreadyExists:
                return  # that change leads here again
        elif not is_day((config_map.get("data") or {}).get(SINCE, "")):
            version = config_map["metadata"]["resourceVersion"]
            patch = {"metadata": {"resourceVersion": version}, "data": since}
            await self.client.patch(CONFIG_MAPS, CONFIG_MAP.name, patch, CONFIG_MAP.namespace)

    def _is_noted(self, metadata: Mapping[str, Any]) -> bool:
        """Whether it says today; or tomorrow, for a server whose clock is ahead wrote that."""
        days = (self._today, self._today + timedelta(days=1))
        said = (metadata.get("labels") or {}).get(LAST_USED)
        return said in [day.isoformat() for day in days]

    @property
    def _today(self) -> date:
        return self.world.now().date()


def is_day(text: str) -> bool:
    """Whether this is a day as it is written into labels and the ConfigMap."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
