"""Secrets with tokens of service accounts: filled when they are made, gone with their account.

A Secret of the type kubernetes.io/service-account-token names its account in an annotation.
Upstream: `pkg/controller/serviceaccount/tokens_controller.go`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

from k8slite.client.resource import SECRETS, SERVICE_ACCOUNTS
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.core.models import Secret, ServiceAccount
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name

Json = dict[str, Any]
# From an account and a Secret to the token that belongs into it.
MakeToken = Callable[[Json, Json], str]

TYPE: Final = "kubernetes.io/service-account-token"
ACCOUNT: Final = "kubernetes.io/service-account.name"
ACCOUNT_UID: Final = "kubernetes.io/service-account.uid"


class TokensController(Controller):
    """Its keys are the names of Secrets with tokens."""

    name: ClassVar[str] = "serviceaccount-token-controller"

    def __init__(self, context: Context, make: MakeToken | None = None, bundle: str = "") -> None:
        super().__init__(context)
        self._make = make
        self._bundle = bundle
        self._secrets = self.mirrors.of(SECRETS, Secret)
        self._accounts = self.mirrors.of(SERVICE_ACCOUNTS, ServiceAccount)
        self.watch(self._secrets, _token_key)
        self.watch(self._accounts, self._of_account)

    async def reconcile(self, name: Name) -> None:
        """Fill a Secret, or delete it where its account is gone."""
        secret = self._secrets.get(name)
        if secret is None or secret.type != TYPE:
            await self._forget(name)
            return
        if secret.metadata.deletion_timestamp is not None:
            return
        account = await self._account(secret)
        if account is None:
            await self._delete(secret)
        elif self._make is not None:
            await self._fill(name, account)

    async def _account(self, secret: Secret) -> Json | None:
        """A Secret's account, as the server has it where the mirror may show one from before.

        Upstream takes the mirror's word, and deletes a Secret that it has just filled for an
        account which was made anew meanwhile.
        """
        annotations = secret.metadata.annotations
        name = Name(secret.metadata.namespace, annotations.get(ACCOUNT, ""))
        uid = annotations.get(ACCOUNT_UID, "")
        found = self._accounts.document(name)
        if found is None or found["metadata"]["uid"] != uid:
            try:
                found = await self.client.get(SERVICE_ACCOUNTS, name.name, name.namespace)
            except NotFound:
                return None
        return None if uid and found["metadata"]["uid"] != uid else found

    async def _fill(self, name: Name, account: Json) -> None:
        secret = self._secrets.document(name)
        assert secret is not None and self._make is not None
        data = secret.setdefault("data", {})
        wanted: Json = {}
        bundle = _encoded(self._bundle)
        if bundle and data.get("ca.crt") != bundle:
            wanted["ca.crt"] = bundle
        if not data.get("namespace"):
            wanted["namespace"] = _encoded(name.namespace)
        if not data.get("token"):
            wanted["token"] = _encoded(self._make(account, secret))
        if not wanted:
            return
        data.update(wanted)
        annotations = secret["metadata"].setdefault("annotations", {})
        annotations[ACCOUNT] = account["metadata"]["name"]
        annotations[ACCOUNT_UID] = account["metadata"]["uid"]
        await self.client.update(SECRETS, secret)

    async def _delete(self, secret: Secret) -> None:
        metadata = secret.metadata
        options = {"preconditions": {"uid": metadata.uid}}
        try:
            await self.client.delete(SECRETS, metadata.name, metadata.namespace, options)
        except NotFound:
            return

    async def _forget(self, name: Name) -> None:
        """Take a Secret that is gone out of the lists of the accounts that name it."""
        for account in self._accounts.all():
            metadata = account.metadata
            if metadata.namespace != name.namespace or not _names(account, name.name):
                continue
            document = self._accounts.document(metadata.full_name)
            assert document is not None
            left = [one for one in document["secrets"] if one.get("name") != name.name]
            await self.client.update(SERVICE_ACCOUNTS, {**document, "secrets": left})

    def _of_account(self, old: ServiceAccount | None, new: ServiceAccount | None) -> Iterable[Name]:
        """The Secrets of an account that has come, gone, or is another one now."""
        if old is not None and new is not None and old.metadata.uid == new.metadata.uid:
            return ()
        found = new or old
        assert found is not None, "a change is of something"
        home, name = found.metadata.namespace, found.metadata.name
        return [
            one.metadata.full_name
            for one in self._secrets.all()
            if one.type == TYPE
            and one.metadata.namespace == home
            and one.metadata.annotations.get(ACCOUNT) == name
        ]


def _token_key(old: Secret | None, new: Secret | None) -> Iterable[Name]:
    found = new or old
    assert found is not None, "a change is of something"
    return (found.metadata.full_name,) if found.type == TYPE else ()


def _names(account: ServiceAccount, secret: str) -> bool:
    return any(one.name == secret for one in account.secrets)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
