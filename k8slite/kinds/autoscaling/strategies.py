"""How the kinds of group `autoscaling` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.autoscaling.autoscaler_defaults import default_autoscaler
from k8slite.kinds.autoscaling.autoscaler_validation import (
    validate_autoscaler,
    validate_autoscaler_status,
)
from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "horizontalpodautoscalers": Strategy(
        default=default_autoscaler,
        prepare=keep_status,
        validate=validate_autoscaler,
        validate_status=validate_autoscaler_status,
        status=True,
    ),
}
