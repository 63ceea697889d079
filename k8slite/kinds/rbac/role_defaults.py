"""What RBAC objects get where nothing was said (`pkg/apis/rbac/v1/defaults.go`)."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

GROUP: Final = "rbac.authorization.k8s.io"


def default_role(role: Json) -> None:
    """Rules are printed though there are none."""
    role.setdefault("rules", None)


def default_binding(binding: Json) -> None:
    """Roles, users and groups belong to this group's API, service accounts to the core's."""
    reference = binding.setdefault("roleRef", {})
    if not reference.get("apiGroup"):
        reference["apiGroup"] = GROUP
    for subject in binding.get("subjects", ()):
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = GROUP
