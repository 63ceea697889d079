"""How the kinds of group `discovery` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.discovery.slice_defaults import default_endpoint_slice
from k8slite.kinds.discovery.slice_validation import validate_endpoint_slice
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "endpointslices": Strategy(
        default=default_endpoint_slice,
        validate=validate_endpoint_slice,
        generation=True,
        generation_fields=(
            "endpoints",
            "ports",
            "addressType",
        ),
    ),
}
