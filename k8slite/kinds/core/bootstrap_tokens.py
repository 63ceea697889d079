"""What a Secret of the type bootstrap.kubernetes.io/token says. Pure.

Mirrors `cluster-bootstrap/token` and `plugin/pkg/auth/authenticator/token/bootstrap`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from attrs import frozen

from k8slite.objects.meta import parse_timestamp

Json = dict[str, Any]

TYPE: Final = "bootstrap.kubernetes.io/token"
NAMESPACE: Final = "kube-system"
NAME_PREFIX: Final = "bootstrap-token-"
GROUP: Final = "system:bootstrappers"
_GROUP: Final = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]", re.ASCII)
_ID: Final = re.compile(r"[a-z0-9]{6}", re.ASCII)


@frozen
class BootstrapToken:
    """A token that a new node joins the cluster with."""

    id: str
    secret: str
    _data: Mapping[str, str]

    def expired(self, now: datetime) -> bool:
        """Whether its time is over; a time that cannot be read is."""
        left = self.seconds_left(now)
        return left is not None and left <= 0

    def seconds_left(self, now: datetime) -> float | None:
        """How long it is good; None for ever."""
        text = self._data.get("expiration")
        if not text:
            return None
        try:
            return (parse_timestamp(text) - now).total_seconds()
        except ValueError:
            return 0.0

    def used_for(self, purpose: str) -> bool:
        """Whether it is for `authentication`, or for `signing`."""
        return self._data.get(f"usage-bootstrap-{purpose}") == "true"

    def groups(self) -> tuple[str, ...] | None:
        """The groups of who shows it; None where one of them is none for bootstrappers."""
        text = self._data.get("auth-extra-groups", "")
        extra = [one.strip() for one in text.split(",")] if text else []
        if any(_GROUP.fullmatch(one) is None for one in extra):
            return None
        return GROUP, *dict.fromkeys(extra)


def read_token(secret: Json) -> BootstrapToken | None:
    """The token in a Secret; None where it is none that could be used."""
    metadata = secret["metadata"]
    if secret.get("type") != TYPE or not metadata["name"].startswith(NAME_PREFIX):
        return None
    data = {key: _text(value) for key, value in (secret.get("data") or {}).items()}
    found = BootstrapToken(data.get("token-id", ""), data.get("token-secret", ""), data)
    if _ID.fullmatch(found.id) is None or not found.secret:
        return None
    return found if metadata["name"] == NAME_PREFIX + found.id else None


def _text(value: str) -> str:
    try:
        return base64.b64decode(value).decode()
    except (ValueError, binascii.Error):
        return ""
