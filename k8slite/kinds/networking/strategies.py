"""How the kinds of group `networking` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "ingressclasses": Strategy(generation=True),
    "ingresses": Strategy(generation=True, status=True, prepare=keep_status),
    "ipaddresses": Strategy(create_on_update=True, name_rule="path"),
    "networkpolicies": Strategy(generation=True),
    "servicecidrs": Strategy(status=True, prepare=keep_status),
}
