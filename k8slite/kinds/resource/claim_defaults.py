"""What resource claims get where nothing was said (`pkg/apis/resource/v1/defaults.go`)."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def default_claim(claim: Json) -> None:
    """Fill in a ResourceClaim."""
    _default_requests(claim.setdefault("spec", {}))
    claim.setdefault("status", {})


def default_claim_template(template: Json) -> None:
    """Fill in a ResourceClaimTemplate."""
    spec = template.setdefault("spec", {})
    spec.setdefault("metadata", {})
    _default_requests(spec.setdefault("spec", {}))


def _default_requests(spec: Json) -> None:
    for request in spec.get("devices", {}).get("requests", ()):
        exactly = request.get("exactly")
        for one in [
            *request.get("firstAvailable", ()),
            *([exactly] if exactly is not None else ()),
        ]:
            if not one.get("allocationMode"):
                one["allocationMode"] = "ExactCount"
            if one["allocationMode"] == "ExactCount" and not one.get("count"):
                one["count"] = 1
