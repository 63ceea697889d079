"""Roles and who has them."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.entry import entry
from k8slite.kinds.kind import Kind
from k8slite.kinds.rbac.columns import TABLES
from k8slite.kinds.rbac.strategies import STRATEGIES

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        strategies=STRATEGIES,
        namespaced=False,
        table=TABLES["clusterrolebindings"],
    ),
    entry(
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRole",
        "clusterroles",
        strategies=STRATEGIES,
        namespaced=False,
    ),
    entry(
        "rbac.authorization.k8s.io",
        "v1",
        "RoleBinding",
        "rolebindings",
        strategies=STRATEGIES,
        table=TABLES["rolebindings"],
    ),
    entry(
        "rbac.authorization.k8s.io",
        "v1",
        "Role",
        "roles",
        strategies=STRATEGIES,
    ),
)
