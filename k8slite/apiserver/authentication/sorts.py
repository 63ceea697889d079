"""Every sort of token that is recognized, in upstream's order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from k8slite.apiserver.authentication.authenticator import (
    Authenticator,
    RemoteTokens,
    StaticTokens,
)
from k8slite.apiserver.authentication.bootstrap_tokens import BootstrapTokens
from k8slite.apiserver.authentication.front_proxy import FrontProxy
from k8slite.apiserver.authentication.legacy_tokens import LegacyTokens
from k8slite.apiserver.authentication.service_account_tokens import TokenIssuer
from k8slite.apiserver.authentication.token_uses import TokenUses
from k8slite.apiserver.authentication.web_tokens import WebTokens
from k8slite.apiserver.storage import Storage
from k8slite.messages import User
from k8slite.world import World


def authentication(
    storage: Storage,
    world: World,
    key: ec.EllipticCurvePrivateKey | None,
    static_tokens: Mapping[str, User],
    used: Callable[[dict[str, Any]], None],
    front_proxy: FrontProxy,
    remote: RemoteTokens | None,
) -> tuple[TokenIssuer | None, Authenticator]:
    """Who issues tokens on request (nobody without a key), and who recognizes them; `used` is told
    of each Secret whose token was shown."""
    static, bootstrap = StaticTokens(static_tokens), BootstrapTokens(storage, world)
    if key is None:
        return None, Authenticator((static, bootstrap), front_proxy, remote)
    tokens, uses = WebTokens(key), TokenUses()
    issuer = TokenIssuer(tokens, storage, world, uses=uses)
    legacy = LegacyTokens(tokens, storage, used, uses)
    return issuer, Authenticator((static, legacy, issuer, bootstrap), front_proxy, remote, uses)
