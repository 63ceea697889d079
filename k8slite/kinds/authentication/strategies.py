"""How the kinds of group `authentication` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "selfsubjectreviews": Strategy(name_rule="path"),
    "tokenreviews": Strategy(name_rule="path"),
}
