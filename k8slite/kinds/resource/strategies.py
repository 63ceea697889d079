"""How the kinds of group `resource` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy
from k8slite.kinds.resource.allocation_validation import validate_claim_status
from k8slite.kinds.resource.claim_defaults import default_claim, default_claim_template
from k8slite.kinds.resource.claim_validation import (
    validate_claim,
    validate_device_class,
    validate_template,
)
from k8slite.kinds.resource.slice_validation import validate_slice

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "deviceclasses": Strategy(validate=validate_device_class, generation=True),
    "resourceclaims": Strategy(
        default=default_claim,
        prepare=keep_status,
        validate=validate_claim,
        validate_status=validate_claim_status,
        status=True,
    ),
    "resourceclaimtemplates": Strategy(default=default_claim_template, validate=validate_template),
    "resourceslices": Strategy(validate=validate_slice, generation=True),
}
