"""What an EndpointSlice gets where nothing was said (`pkg/apis/discovery/v1/defaults.go`)."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def default_endpoint_slice(endpoints: Json) -> None:
    """Fill in an EndpointSlice."""
    # Not omitted when empty, and a list in Go: null.
    endpoints.setdefault("endpoints", None)
    endpoints.setdefault("ports", None)
    for endpoint in endpoints["endpoints"] or ():
        endpoint.setdefault("conditions", {})
    for port in endpoints["ports"] or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")
