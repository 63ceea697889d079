"""How the kinds of group `node` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.kind import Strategy
from k8slite.kinds.node.runtime_validation import validate_runtime_class

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "runtimeclasses": Strategy(validate=validate_runtime_class, unconditional_update=False),
}
