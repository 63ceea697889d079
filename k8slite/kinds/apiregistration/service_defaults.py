"""What an APIService gets where nothing was said (`kube-aggregator`, v1 defaults)."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

HTTPS_PORT: Final = 443


def default_api_service(service: Json) -> None:
    """Fill in an APIService."""
    backend = service.setdefault("spec", {}).get("service")
    if backend is not None:
        backend.setdefault("port", HTTPS_PORT)
    service.setdefault("status", {})
