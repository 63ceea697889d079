"""How endpoint slices are printed: the first few ports and addresses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import (
    AGE,
    MOST_LISTED,
    NAME,
    age,
    described,
    items,
    name,
    table,
    with_more,
)
from k8slite.kinds.kind import Json, Table


def _endpoint_slice(obj: Json, now: datetime) -> list[Any]:
    ports = [_port(port) for port in items(obj, "ports")]
    addresses = [one for end in items(obj, "endpoints") for one in items(end, "addresses")]
    return [
        name(obj),
        obj.get("addressType") or "",
        with_more(ports[:MOST_LISTED], len(ports)) or "<unset>",
        with_more(addresses[:MOST_LISTED], len(addresses)) or "<unset>",
        age(obj, now),
    ]


def _port(port: Mapping[str, Any]) -> str:
    if port.get("port") is not None:
        return str(port["port"])
    named = port.get("name")
    return "*" if named is None else str(named)


TABLES: Final[Mapping[str, Table]] = {
    "endpointslices": table(
        _endpoint_slice,
        NAME,
        described("AddressType", "discovery.v1.EndpointSlice", "addressType"),
        described("Ports", "discovery.v1.EndpointSlice", "ports"),
        described("Endpoints", "discovery.v1.EndpointSlice", "endpoints"),
        AGE,
    ),
}
