"""How the kinds of group `rbac` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.kind import Strategy
from k8slite.kinds.rbac.role_defaults import default_binding, default_role
from k8slite.kinds.rbac.role_validation import (
    validate_cluster_role,
    validate_cluster_role_binding,
    validate_role,
    validate_role_binding,
)

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "clusterrolebindings": Strategy(
        default=default_binding,
        validate=validate_cluster_role_binding,
        name_rule="path",
        create_on_update=True,
    ),
    "clusterroles": Strategy(
        default=default_role,
        validate=validate_cluster_role,
        name_rule="path",
        create_on_update=True,
    ),
    "rolebindings": Strategy(
        default=default_binding,
        validate=validate_role_binding,
        name_rule="path",
        create_on_update=True,
    ),
    "roles": Strategy(
        default=default_role, validate=validate_role, name_rule="path", create_on_update=True
    ),
}
