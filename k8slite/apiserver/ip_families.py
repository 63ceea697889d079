"""Which IP families a Service has, filled in from what it says and from the cluster's one family.

Mirrors upstream's `initIPFamilyFields` for a cluster whose only family is IPv4.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, refuse

Json = dict[str, Any]

_OURS: Final = "IPv4"
_OTHER: Final = {"IPv4": "IPv6", "IPv6": "IPv4"}
_SINGLE: Final = "SingleStack"
_REQUIRE: Final = "RequireDualStack"


def fill_ip_families(new: Json, old: Json) -> None:
    """Set ipFamilyPolicy and ipFamilies; `old` is empty on creation. Raises Invalid."""
    spec = new["spec"]
    if spec.get("type") == "ExternalName":
        return
    headless = spec.get("clusterIP") == "None"
    free = headless and not spec.get("selector")  # headless without selector: anything goes
    policy = spec.get("ipFamilyPolicy") or (old.get("spec") or {}).get("ipFamilyPolicy")
    policy = spec["ipFamilyPolicy"] = policy or (_REQUIRE if free else _SINGLE)
    families: list[str] = list(spec.get("ipFamilies") or ())
    causes = _too_many(spec, policy, families)
    for ip in spec.get("clusterIPs", ())[len(families) :]:
        if ip and ip != "None":
            families.append("IPv6" if ":" in ip else _OURS)
    if not causes and not free:
        causes = _not_configured(policy, families)
    if causes:
        raise refuse("Service", "", new["metadata"].get("name", ""), causes)
    families = families or [_OURS]
    if free and policy != _SINGLE and len(families) < 2:
        families.append(_OTHER[families[0]])
    spec["ipFamilies"] = families


def _too_many(spec: Json, policy: str, families: list[str]) -> list[Cause]:
    found = []
    for given, noun in ((spec.get("clusterIPs") or (), "cluster IPs"), (families, "IP families")):
        if policy == _SINGLE and len(given) == 2:
            why = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {noun} are "
            found.append(invalid("spec.ipFamilyPolicy", policy, f"{why}specified"))
    return found


def _not_configured(policy: str, families: list[str]) -> list[Cause]:
    found = []
    if policy == _REQUIRE:
        why = "this cluster is not configured for dual-stack services"
        found.append(invalid("spec.ipFamilyPolicy", policy, why))
    for number, family in enumerate(families):
        if family != _OURS:
            path = f"spec.ipFamilies[{number}]"
            found.append(invalid(path, family, "not configured on this cluster"))
    return found
