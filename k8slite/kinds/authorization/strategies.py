"""How the kinds of group `authorization` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "localsubjectaccessreviews": Strategy(name_rule="path"),
    "selfsubjectaccessreviews": Strategy(name_rule="path"),
    "selfsubjectrulesreviews": Strategy(name_rule="path"),
    "subjectaccessreviews": Strategy(name_rule="path"),
}
