"""How pod disruption budgets are printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import AGE, NAME, age, name, part, table
from k8slite.kinds.kind import Column, Json, Table


def _budget(obj: Json, now: datetime) -> list[Any]:
    spec = part(obj, "spec")
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    return [
        name(obj),
        "N/A" if least is None else str(least),
        "N/A" if most is None else str(most),
        part(obj, "status").get("disruptionsAllowed") or 0,
        age(obj, now),
    ]


TABLES: Final[Mapping[str, Table]] = {
    "poddisruptionbudgets": table(
        _budget,
        NAME,
        Column("Min Available", description="The minimum number of pods that must be available."),
        Column(
            "Max Unavailable", description="The maximum number of pods that may be unavailable."
        ),
        Column(
            "Allowed Disruptions",
            "integer",
            "Calculated number of pods that may be disrupted at this time.",
        ),
        AGE,
    ),
}
