"""How the kinds of group `certificates` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.certificates.request_validation import validate_request
from k8slite.kinds.core.status_defaults import empty_status, keep_status
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "certificatesigningrequests": Strategy(
        default=empty_status, prepare=keep_status, validate=validate_request, status=True
    ),
}
