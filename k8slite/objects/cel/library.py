"""Every function that expressions of Kubernetes have, and the types that have names.

Upstream: `apiserver/pkg/cel/environment/base.go`.
"""

from __future__ import annotations

from typing import Final

from k8slite.objects.cel import (
    addresses,
    authorizer,
    lists,
    named_formats,
    quantities,
    standard,
    strings,
    times,
)
from k8slite.objects.cel.declarations import Functions, merged, overloads
from k8slite.objects.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    Type,
    list_of,
    map_of,
    optional_of,
)

FUNCTIONS: Final[Functions] = merged(
    (
        standard.FUNCTIONS,
        times.FUNCTIONS,
        strings.FUNCTIONS,
        lists.FUNCTIONS,
        addresses.FUNCTIONS,
        quantities.FUNCTIONS,
        named_formats.FUNCTIONS,
        authorizer.FUNCTIONS,
        {
            "cel.@mapInsert": overloads(
                (
                    "@mapInsert_map_map",
                    "(map<A, B>, map<A, B>) -> map<A, B>",
                    lambda one, more: {**one, **more},
                )
            ),
        },
    )
)

TYPES: Final[dict[str, Type]] = {
    one.name: one
    for one in (
        *(BOOL, BYTES, DOUBLE, DURATION, INT, NULL, STRING, TIMESTAMP, TYPE, UINT),
        *(list_of(DYN), map_of(DYN, DYN), optional_of(DYN)),
        *(addresses.Address.cel_type, addresses.Network.cel_type, addresses.Url.cel_type),
        *(quantities.Quantity.cel_type, quantities.Version.cel_type),
    )
}
