"""How priority classes are printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import AGE, NAME, age, described, name, table
from k8slite.kinds.kind import Json, Table


def _priority_class(obj: Json, now: datetime) -> list[Any]:
    return [
        name(obj),
        obj.get("value") or 0,
        bool(obj.get("globalDefault")),
        age(obj, now),
        obj.get("preemptionPolicy") or "",
    ]


_CLASS: Final = "scheduling.v1.PriorityClass"

TABLES: Final[Mapping[str, Table]] = {
    "priorityclasses": table(
        _priority_class,
        NAME,
        described("Value", _CLASS, "value", "integer"),
        described("Global-Default", _CLASS, "globalDefault", "boolean"),
        AGE,
        described("PreemptionPolicy", _CLASS, "preemptionPolicy"),
    ),
}
