"""The tokens that new nodes join with: ID.SECRET, as a Secret of kube-system has them.

Mirrors `plugin/pkg/auth/authenticator/token/bootstrap/bootstrap.go`.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from typing import Final

from attrs import define

from k8slite.apiserver.authentication.authenticator import Recognized, of_the_api
from k8slite.apiserver.storage import Storage
from k8slite.kinds.core.bootstrap_tokens import NAME_PREFIX, NAMESPACE, read_token
from k8slite.messages import User
from k8slite.world import World

_FORM: Final = re.compile(r"([a-z0-9]{6})\.[a-z0-9]{16}", re.ASCII)


@define(eq=False)
class BootstrapTokens:
    """Recognizes bootstrap tokens."""

    storage: Storage
    world: World

    def recognize(self, token: str, audiences: Sequence[str]) -> Recognized | None:
        """Who joins; None for whatever is no bootstrap token that may be used now."""
        form = _FORM.fullmatch(token)
        if form is None:
            return None
        secret = self.storage.find("secrets/", NAMESPACE, NAME_PREFIX + form[1])
        if secret is None or "deletionTimestamp" in secret["metadata"]:
            return None
        found = read_token(secret)
        if found is None or not found.used_for("authentication"):
            return None
        if not hmac.compare_digest(f"{found.id}.{found.secret}", token):
            return None
        groups = found.groups()
        if groups is None or found.expired(self.world.now()):
            return None
        return of_the_api(User(f"system:bootstrap:{found.id}", groups), audiences)
