"""How leases are printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import AGE, NAME, age, described, name, part, table
from k8slite.kinds.kind import Json, Table


def _lease(obj: Json, now: datetime) -> list[Any]:
    return [name(obj), part(obj, "spec").get("holderIdentity") or "", age(obj, now)]


TABLES: Final[Mapping[str, Table]] = {
    "leases": table(
        _lease, NAME, described("Holder", "coordination.v1.LeaseSpec", "holderIdentity"), AGE
    ),
}
