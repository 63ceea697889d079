"""Tokens in Secrets that the API server once made, and nobody has used for a year, go.

They are first marked as invalid, and deleted when the mark is as old. Whoever still needs one takes
the mark off. Upstream: `pkg/controller/serviceaccount/legacy_serviceaccount_token_cleaner.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from k8slite.client.client import MERGE_PATCH
from k8slite.client.resource import CONFIG_MAPS, PODS, SECRETS, SERVICE_ACCOUNTS
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.identity.legacy_token_tracking import (
    CONFIG_MAP,
    LAST_USED,
    SINCE,
    is_day,
)
from k8slite.controllers.identity.tokens import ACCOUNT, ACCOUNT_UID, TYPE
from k8slite.kinds.core.models import ConfigMap, Pod, Secret, ServiceAccount
from k8slite.kinds.core.references import secret_names
from k8slite.objects.errors import Conflict, NotFound
from k8slite.objects.meta import Name

Json = dict[str, Any]

INVALID_SINCE: Final = "kubernetes.io/legacy-token-invalid-since"
YEAR: Final = timedelta(days=365)
LOOK_SECONDS: Final = 24 * 3600.0
_ALL: Final = Name("", "all")


class LegacyTokenCleaner(Controller):
    """Its only key stands for all tokens, which it looks at once a day."""

    name: ClassVar[str] = "legacy-serviceaccount-token-cleaner-controller"

    def __init__(self, context: Context, unused: timedelta = YEAR) -> None:
        super().__init__(context)
        self._unused = unused
        self._secrets = self.mirrors.of(SECRETS, Secret)
        self._accounts = self.mirrors.of(SERVICE_ACCOUNTS, ServiceAccount)
        self._pods = self.mirrors.of(PODS, Pod)
        self._config_maps = self.mirrors.of(CONFIG_MAPS, ConfigMap)
        # A look is at all of them, and no change is urgent enough for one.
        self.watch(self._secrets, _nothing)
        self.watch(self._accounts, _nothing)
        self.watch(self._pods, _nothing)
        self.watch(self._config_maps, _nothing)

    async def start(self) -> None:
        """The first look is at the start."""
        self.queue.add(_ALL)

    async def reconcile(self, name: Name) -> float:
        """Mark and delete what is not used; then come back tomorrow."""
        now = self.world.now()
        if self._is_tracked_long_enough(now):
            mounted: dict[str, frozenset[str]] = {}
            for secret in self._secrets.all():
                if self._is_unused(secret, now) and not self._is_mounted(secret, mounted):
                    await self._clean(secret, now)
        return LOOK_SECONDS

    def _is_tracked_long_enough(self, now: datetime) -> bool:
        """Whether it is noted for long enough which tokens are used, from the first full day on."""
        document = self._config_maps.document(CONFIG_MAP) or {}
        since = (document.get("data") or {}).get(SINCE, "")
        if not is_day(since):
            return False
        first = datetime.fromisoformat(f"{since}T00:00:00+00:00") + timedelta(days=1)
        return now >= first + self._unused

    def _is_unused(self, secret: Secret, now: datetime) -> bool:
        """Whether it holds a generated token that has not been used for so long."""
        metadata = secret.metadata
        if secret.type != TYPE or metadata.deletion_timestamp is not None:
            return False
        if metadata.creation_timestamp is None or metadata.creation_timestamp >= now - self._unused:
            return False
        used = metadata.labels.get(LAST_USED)
        if used is not None and (not is_day(used) or used >= self._day(now)):
            return False
        name = Name(metadata.namespace, metadata.annotations.get(ACCOUNT, ""))
        account = self._accounts.get(name)
        if account is None:
            return False
        if metadata.annotations.get(ACCOUNT_UID) not in (None, "", account.metadata.uid):
            return False
        return any(one.name == metadata.name for one in account.secrets)

    def _is_mounted(self, secret: Secret, known: dict[str, frozenset[str]]) -> bool:
        namespace = secret.metadata.namespace
        if namespace not in known:
            names: set[str] = set()
            for pod in self._pods.all():
                if pod.metadata.namespace == namespace:
                    document: Mapping[str, Any] = self._pods.document(pod.metadata.full_name) or {}
                    names.update(secret_names(document.get("spec") or {}))
            known[namespace] = frozenset(names)
        return secret.metadata.name in known[namespace]

    async def _clean(self, secret: Secret, now: datetime) -> None:
        metadata = secret.metadata
        marked = metadata.labels.get(INVALID_SINCE, "")
        try:
            if not is_day(marked):
                labels = {INVALID_SINCE: now.date().isoformat()}
                patch = {"metadata": {"uid": metadata.uid, "labels": labels}}
                await self.client.patch(
                    SECRETS, metadata.name, patch, metadata.namespace, patch_type=MERGE_PATCH
                )
            elif marked < self._day(now):
                expected = {"resourceVersion": metadata.resource_version}
                await self.client.delete(
                    SECRETS, metadata.name, metadata.namespace, {"preconditions": expected}
                )
        except (NotFound, Conflict):
            return  # it is something else by now: tomorrow is another day

    def _day(self, now: datetime) -> str:
        """What was used, or marked, on this day or later stays."""
        return (now - self._unused).date().isoformat()


def _nothing(_old: object, _new: object) -> Iterable[Name]:
    return ()
