"""Tokens in Secrets are their accounts', and what is signed is signed by tokens that are good.

At rest: a token's Secret is filled and its account lives, by UID; no bootstrap token has expired;
`cluster-info` has the signatures of exactly the tokens that are for signing; it is said since when
uses of tokens are noted; a certificate was
signed for an approved request only. Always: a token that nobody uses is marked before it goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

import trio

from k8slite.controllers.identity.bootstrap_signer import detached_signature
from k8slite.controllers.identity.legacy_token_cleaner import (
    INVALID_SINCE,
    LegacyTokenCleaner,
)
from k8slite.controllers.identity.legacy_token_tracking import CONFIG_MAP, SINCE, is_day
from k8slite.controllers.identity.tokens import ACCOUNT, ACCOUNT_UID, TYPE
from k8slite.kinds.core.bootstrap_tokens import BootstrapToken, read_token
from k8slite.objects.meta import find_condition
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import named
from k8slite.sim.world import at

Json = dict[str, Any]

# A process whose clock is behind (`faults.plan`) comes that much too late, or a little more.
_SLACK_SECONDS: Final = 900.0
_REQUESTS: Final = "certificates.k8s.io.certificatesigningrequests/"
_SECRETS: Final = "secrets/"
_CLEANER: Final = f"system:controller:{LegacyTokenCleaner.name}"
_CLUSTER_INFO: Final = "configmaps/kube-public/cluster-info"


class Credentials:
    """Tokens and certificates."""

    name: ClassVar[str] = "credentials"
    prefixes: ClassVar[tuple[str, ...]] = (_REQUESTS, _SECRETS)

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def commit(self, change: Change) -> Iterable[str]:
        new = change.new
        if new is None:
            yield from _cleaned(change)
            return
        status = new.get("status") or {}
        conditions = status.get("conditions") or ()
        approved = find_condition(conditions, "Approved")
        if status.get("certificate") and (approved is None or find_condition(conditions, "Denied")):
            yield f"{change.key} was signed, and is not approved"

    def rest(self) -> Iterable[str]:
        yield from self._untracked()
        secrets = [secret for _, secret in self._setting.state.all("secrets/")]
        if "serviceaccount-token-controller" in self._setting.running:
            for secret in secrets:
                if secret.get("type") == TYPE:
                    yield from self._token(secret)
        tokens = [one for one in map(read_token, secrets) if one is not None]
        now = at(trio.current_time() - _SLACK_SECONDS)
        if "token-cleaner-controller" in self._setting.running:
            yield from (f"token {one.id} has expired" for one in tokens if one.expired(now))
        if "bootstrap-signer-controller" in self._setting.running:
            yield from self._signatures(tokens)

    def _untracked(self) -> Iterable[str]:
        if self._setting.state.get(f"namespaces/{CONFIG_MAP.namespace}") is None:
            return
        found = self._setting.state.get(f"configmaps/{CONFIG_MAP.namespace}/{CONFIG_MAP.name}")
        said = ((found or {}).get("data") or {}).get(SINCE, "")
        if not is_day(said):
            yield f"nothing says since when uses of tokens are noted, but {said!r}"

    def _token(self, secret: Json) -> Iterable[str]:
        metadata = secret["metadata"]
        annotations = metadata["annotations"]
        key = f"serviceaccounts/{metadata['namespace']}/{annotations[ACCOUNT]}"
        account = self._setting.state.get(key)
        if account is None:
            yield f"Secret {named(secret)} has a token of an account that is gone"
        elif not (secret.get("data") or {}).get("token"):
            yield f"Secret {named(secret)} has no token"
        elif annotations.get(ACCOUNT_UID) != account["metadata"]["uid"]:
            yield f"Secret {named(secret)} has a token of another account of that name"

    def _signatures(self, tokens: list[BootstrapToken]) -> Iterable[str]:
        found = self._setting.state.get(_CLUSTER_INFO)
        data = (found or {}).get("data") or {}
        if "kubeconfig" not in data:
            return
        wanted = {
            f"jws-kubeconfig-{one.id}": detached_signature(data["kubeconfig"], one)
            for one in tokens
            if one.used_for("signing")
        }
        there = {key: value for key, value in data.items() if key.startswith("jws-kubeconfig-")}
        if there != wanted:
            yield f"cluster-info is signed by {sorted(there)}, not by {sorted(wanted)}"


def _cleaned(change: Change) -> Iterable[str]:
    """What the cleaner of legacy tokens deletes, it has marked."""
    if change.user != _CLEANER or change.resource != _SECRETS or change.repeated:
        return
    labels = change.obj["metadata"].get("labels") or {}
    if not is_day(labels.get(INVALID_SINCE, "")):
        yield f"{change.key} was deleted, and had not been marked as invalid"
