"""The ConfigMap `cluster-info`, which nodes read before they trust anybody, is signed with tokens.

Each bootstrap token that is for signing adds a detached JSON web signature (RFC 7515, HS256) of the
kubeconfig in it, by which who knows the token can tell that it is genuine. Upstream:
`pkg/controller/bootstrap/bootstrapsigner.go`, `cluster-bootstrap/token/jws`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, ClassVar, Final

from k8slite.client.resource import CONFIG_MAPS, SECRETS
from k8slite.controllers.controller import Context, Controller, only
from k8slite.controllers.identity.token_cleaner import bootstrap_key
from k8slite.kinds.core.bootstrap_tokens import BootstrapToken, read_token
from k8slite.kinds.core.models import ConfigMap, Secret
from k8slite.objects.codec import dumps
from k8slite.objects.meta import Name

Json = dict[str, Any]

CLUSTER_INFO: Final = Name("kube-public", "cluster-info")
_KUBECONFIG: Final = "kubeconfig"
_SIGNATURE: Final = "jws-kubeconfig-"


class BootstrapSigner(Controller):
    """Its one key is the ConfigMap."""

    name: ClassVar[str] = "bootstrap-signer-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._config_maps = self.mirrors.of(CONFIG_MAPS, ConfigMap)
        self._secrets = self.mirrors.of(SECRETS, Secret)
        self.watch(self._config_maps, only(CLUSTER_INFO))
        self.watch(self._secrets, lambda old, new: [CLUSTER_INFO for _ in bootstrap_key(old, new)])

    async def reconcile(self, name: Name) -> float | None:
        """See to it that exactly the tokens which are good have signed what is there now."""
        config_map = self._config_maps.document(name)
        data = (config_map or {}).get("data") or {}
        content = data.get(_KUBECONFIG)
        if config_map is None or content is None:
            return None
        tokens = self._tokens()
        wanted = {f"{_SIGNATURE}{one.id}": detached_signature(content, one) for one in tokens}
        kept = {key: value for key, value in data.items() if not key.startswith(_SIGNATURE)}
        if {**kept, **wanted} != data:
            config_map["data"] = {**kept, **wanted}
            await self.client.update(CONFIG_MAPS, config_map)
        now = self.world.now()
        left = [seconds for one in tokens if (seconds := one.seconds_left(now)) is not None]
        return min(left, default=None)

    def _tokens(self) -> list[BootstrapToken]:
        now = self.world.now()
        found = []
        for secret in self._secrets.all():
            if not bootstrap_key(None, secret):
                continue
            document = self._secrets.document(secret.metadata.full_name)
            token = read_token(document) if document is not None else None
            if token is not None and token.used_for("signing") and not token.expired(now):
                found.append(token)
        return found


def detached_signature(content: str, token: BootstrapToken) -> str:
    """A JSON web signature without the content that it is of."""
    header = _encoded(dumps({"alg": "HS256", "kid": token.id}))
    signed = f"{header}.{_encoded(content.encode())}".encode()
    signature = hmac.new(token.secret.encode(), signed, hashlib.sha256).digest()
    return f"{header}..{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
