"""Prints one object as `kubectl get` would: cells by the column's name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from k8slite.kinds.table import EVERY

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CREATED = "2026-01-02T03:02:05Z"  # two minutes before NOW


def printed(plural: str, obj: dict[str, Any], *, group: str | None = None) -> dict[str, Any]:
    """The row of an object named x that was created two minutes ago."""
    kind = next(
        k for k in EVERY if k.plural == plural and (group is None or k.group == group) and k.table
    )
    assert kind.table is not None
    metadata = {"name": "x", "creationTimestamp": CREATED, **obj.get("metadata", {})}
    cells = kind.table.cells({**obj, "metadata": metadata}, NOW)
    names = [column.name for column in kind.table.columns]
    return dict(zip(names, cells, strict=False))
