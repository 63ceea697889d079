"""How the kinds of group `resource` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy
from k8slite.kinds.resource.claim_defaults import default_claim, default_claim_template

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "deviceclasses": Strategy(generation=True),
    "resourceclaims": Strategy(default=default_claim, prepare=keep_status, status=True),
    "resourceclaimtemplates": Strategy(default=default_claim_template),
    "resourceslices": Strategy(generation=True),
}
