"""Bootstrap tokens whose time is over are deleted.

Upstream: `pkg/controller/bootstrap/tokencleaner.go`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from k8slite.client.resource import SECRETS
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.core.bootstrap_tokens import NAMESPACE, TYPE, read_token
from k8slite.kinds.core.models import Secret
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name


class TokenCleaner(Controller):
    """Its keys are the names of bootstrap tokens' Secrets."""

    name: ClassVar[str] = "token-cleaner-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._secrets = self.mirrors.of(SECRETS, Secret)
        self.watch(self._secrets, bootstrap_key)

    async def reconcile(self, name: Name) -> float | None:
        """Delete a token that has expired; else come back when it will have."""
        secret = self._secrets.document(name)
        token = read_token(secret) if secret is not None else None
        if secret is None or token is None:
            return None
        left = token.seconds_left(self.world.now())
        if left is None or left > 0:
            return left
        metadata = secret["metadata"]
        expected = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        try:
            await self.client.delete(
                SECRETS, name.name, name.namespace, {"preconditions": expected}
            )
        except NotFound:
            return None
        return None


def bootstrap_key(old: Secret | None, new: Secret | None) -> Iterable[Name]:
    """The name of a Secret that is, or was, a bootstrap token."""
    found = new or old
    assert found is not None, "a change is of something"
    metadata = found.metadata
    return (metadata.full_name,) if metadata.namespace == NAMESPACE and found.type == TYPE else ()
