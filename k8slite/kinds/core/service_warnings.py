"""What an author is told about a Service that is taken but hardly meant so.

Mirrors the plainer ones of `pkg/api/service/warnings.go`.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def warn_service(new: Json, old: Json | None) -> list[str]:
    """Warnings about a Service."""
    if old is not None and old.get("spec") == new.get("spec"):
        return []
    spec = new.get("spec", {})
    found: list[str] = []
    if spec.get("loadBalancerIP"):
        found.append("spec.loadBalancerIP is deprecated in v1.24+")
    if spec.get("clusterIP") == "None":
        if spec.get("sessionAffinity") not in (None, "", "None"):
            found.append("spec.SessionAffinity is ignored for headless services")
        if spec.get("externalIPs"):
            found.append('spec.externalIPs is ignored when spec.clusterIP is "None"')
    if spec.get("type") != "ExternalName" and spec.get("externalName"):
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    return found
