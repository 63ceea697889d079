"""How runtime classes are printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import AGE, NAME, age, name, table
from k8slite.kinds.kind import Column, Json, Table


def _runtime_class(obj: Json, now: datetime) -> list[Any]:
    return [name(obj), obj.get("handler") or "", age(obj, now)]


TABLES: Final[Mapping[str, Table]] = {
    # Upstream looks the description up in a type that has no such field, and finds nothing.
    "runtimeclasses": table(_runtime_class, NAME, Column("Handler"), AGE),
}
