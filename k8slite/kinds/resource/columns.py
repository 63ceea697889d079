"""How devices and the claims on them are printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import AGE, NAME, age, described, items, name, no_more, part, table
from k8slite.kinds.kind import Column, Json, Table


def _claim(obj: Json, now: datetime) -> list[Any]:
    return [name(obj), _state(obj), age(obj, now)]


def _state(obj: Json) -> str:
    status = part(obj, "status")
    states = ["deleted"] if obj["metadata"].get("deletionTimestamp") else []
    if status.get("allocation") is None:
        states = states or ["pending"]
    else:
        states.append("allocated")
        if items(status, "reservedFor"):
            states.append("reserved")
    return ",".join(states)


def _slice(obj: Json, now: datetime) -> list[Any]:
    spec = part(obj, "spec")
    return [
        name(obj),
        spec.get("nodeName") or "",
        spec.get("driver") or "",
        part(spec, "pool").get("name") or "",
        age(obj, now),
    ]


TABLES: Final[Mapping[str, Table]] = {
    "deviceclasses": table(no_more, NAME, AGE),
    "resourceclaims": table(
        _claim,
        NAME,
        Column(
            "State",
            description="A summary of the current state (allocated, pending, reserved, etc.).",
        ),
        AGE,
    ),
    "resourceclaimtemplates": table(no_more, NAME, AGE),
    "resourceslices": table(
        _slice,
        NAME,
        described("Node", "resource.v1.ResourceSliceSpec", "nodeName"),
        described("Driver", "resource.v1.ResourceSliceSpec", "driver"),
        described("Pool", "resource.v1.ResourcePool", "name"),
        AGE,
    ),
}
