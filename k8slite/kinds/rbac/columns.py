"""How bindings of roles are printed (upstream: `rbac.SubjectsStrings`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import AGE, NAME, age, items, name, part, table
from k8slite.kinds.kind import Column, Json, Table


def _binding(obj: Json, now: datetime) -> list[Any]:
    role = part(obj, "roleRef")
    subjects = items(obj, "subjects")
    accounts = [
        f"{one['namespace']}/{one['name']}" if one.get("namespace") else one.get("name", "")
        for one in subjects
        if one.get("kind") == "ServiceAccount"
    ]
    return [
        name(obj),
        f"{role.get('kind', '')}/{role.get('name', '')}",
        age(obj, now),
        _names(subjects, "User"),
        _names(subjects, "Group"),
        ", ".join(accounts),
    ]


def _names(subjects: Sequence[Any], kind: str) -> str:
    return ", ".join(one.get("name", "") for one in subjects if one.get("kind") == kind)


def _bindings(kind: str, role: str) -> Table:
    return table(
        _binding,
        NAME,
        Column("Role", description=role),
        AGE,
        Column("Users", description=f"Users in the {kind}", priority=1),
        Column("Groups", description=f"Groups in the {kind}", priority=1),
        Column("ServiceAccounts", description=f"ServiceAccounts in the {kind}", priority=1),
    )


TABLES: Final[Mapping[str, Table]] = {
    "clusterrolebindings": _bindings(
        "clusterRoleBinding",
        "RoleRef can only reference a ClusterRole in the global namespace. If the RoleRef cannot "
        "be resolved, the Authorizer must return an error.",
    ),
    "rolebindings": _bindings(
        "roleBinding",
        "RoleRef can reference a Role in the current namespace or a ClusterRole in the global "
        "namespace. If the RoleRef cannot be resolved, the Authorizer must return an error.",
    ),
}
