"""How the kinds of group `admissionregistration` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "mutatingadmissionpolicies": Strategy(generation=True, unconditional_update=False),
    "mutatingadmissionpolicybindings": Strategy(generation=True, unconditional_update=False),
    "mutatingwebhookconfigurations": Strategy(
        generation=True, generation_fields=("webhooks",), unconditional_update=False
    ),
    "validatingadmissionpolicies": Strategy(
        generation=True, status=True, prepare=keep_status, unconditional_update=False
    ),
    "validatingadmissionpolicybindings": Strategy(generation=True, unconditional_update=False),
    "validatingwebhookconfigurations": Strategy(
        generation=True, generation_fields=("webhooks",), unconditional_update=False
    ),
}
