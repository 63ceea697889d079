"""How the kinds of group `rbac` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "clusterrolebindings": Strategy(create_on_update=True, name_rule="path"),
    "clusterroles": Strategy(create_on_update=True, name_rule="path"),
    "rolebindings": Strategy(create_on_update=True, name_rule="path"),
    "roles": Strategy(create_on_update=True, name_rule="path"),
}
