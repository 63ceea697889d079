"""Tokens of service accounts that are kept in Secrets, and are good as long as these are there.

Mirrors `pkg/serviceaccount/legacy.go`. The Secrets are filled by the tokens controller.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Any, Final

from attrs import define, evolve

from k8slite.apiserver.authentication.authenticator import BadToken, Recognized, of_the_api
from k8slite.apiserver.authentication.service_account_tokens import account_user
from k8slite.apiserver.authentication.web_tokens import WebTokens
from k8slite.apiserver.storage import Storage

Json = dict[str, Any]

ISSUER: Final = "kubernetes/serviceaccount"
_CLAIM: Final = f"{ISSUER}/"


@define(eq=False)
class LegacyTokens:
    """Makes tokens for Secrets and recognizes them."""

    tokens: WebTokens
    storage: Storage

    def issue(self, account: Json, secret: Json) -> str:
        """The token that belongs into a Secret of a service account."""
        metadata = account["metadata"]
        said = {
            "namespace": metadata["namespace"],
            "secret.name": secret["metadata"]["name"],
            "service-account.name": metadata["name"],
            "service-account.uid": metadata["uid"],
        }
        claims = {"iss": ISSUER, **{f"{_CLAIM}{key}": value for key, value in said.items()}}
        claims["sub"] = f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}"
        return self.tokens.signed(claims)

    def recognize(self, token: str, audiences: Sequence[str]) -> Recognized | None:
        """The account that a token stands for whose Secret still has it. Raises BadToken."""
        claims = self.tokens.read(token)
        if claims is None or claims.get("iss") != ISSUER:
            return None
        said = [
            str(claims.get(f"{_CLAIM}{key}", ""))
            for key in ("namespace", "secret.name", "service-account.name", "service-account.uid")
        ]
        namespace, secret_name, name, uid = said
        if not all(said):
            raise BadToken("a claim of the token is missing")
        secret = self.storage.find("secrets/", namespace, secret_name)
        if secret is None or "deletionTimestamp" in secret["metadata"]:
            raise BadToken("service account token has been invalidated")
        if not hmac.compare_digest(_token_of(secret), token.encode()):
            raise BadToken("service account token does not match server's copy")
        account = self.storage.find("serviceaccounts/", namespace, name)
        if account is None:
            raise BadToken(f'serviceaccounts "{name}" not found')
        if "deletionTimestamp" in account["metadata"]:
            raise BadToken(f"service account {namespace}/{name} has been deleted")
        known = account["metadata"]["uid"]
        if known != uid:
            raise BadToken(f"service account UID ({known}) does not match claim ({uid})")
        found = of_the_api(account_user(namespace, name, uid, {}), audiences)
        if found is None:
            return None
        return evolve(found, annotations={"authentication.k8s.io/legacy-token": claims["sub"]})


def _token_of(secret: Json) -> bytes:
    try:
        return base64.b64decode((secret.get("data") or {}).get("token", ""))
    except (ValueError, binascii.Error):
        return b""
