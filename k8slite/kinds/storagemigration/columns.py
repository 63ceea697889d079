"""How migrations of stored objects are printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from attrs import evolve

from k8slite.kinds.cells import NAME, name, part, table
from k8slite.kinds.kind import Column, Json, Table


def _migration(obj: Json, _now: datetime) -> list[Any]:
    resource = part(obj, "spec", "resource")
    group = resource.get("group")
    named = resource.get("resource", "")
    return [name(obj), f"{named}.{group}" if group else named]


TABLES: Final[Mapping[str, Table]] = {
    "storageversionmigrations": table(
        _migration,
        evolve(NAME, format=""),
        Column("Resource", description="Fully qualified resource to migrate"),
    ),
}
