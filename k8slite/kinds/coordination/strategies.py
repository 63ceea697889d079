"""How the kinds of group `coordination` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.coordination.lease_validation import validate_lease
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "leases": Strategy(
        validate=validate_lease,
        create_on_update=True,
        unconditional_update=False,
        plain_finalizers=True,
    ),
}
