"""How the kinds of group `apiregistration` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.apiregistration.service_defaults import default_api_service
from k8slite.kinds.apiregistration.service_validation import (
    validate_api_service,
    validate_api_service_status,
)
from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "apiservices": Strategy(
        default=default_api_service,
        prepare=keep_status,
        validate=validate_api_service,
        validate_status=validate_api_service_status,
        name_rule="path",
        status=True,
        unconditional_update=False,
        plain_finalizers=True,
    ),
}
