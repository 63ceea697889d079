"""How custom resources print: the columns that their definition names.

Upstream: `apiextensions-apiserver/pkg/registry/customresource/tableconvertor`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from attrs import evolve

from k8slite.kinds.cells import AGE, NAME
from k8slite.kinds.kind import Column, Table
from k8slite.objects.codec import dumps
from k8slite.objects.duration import since
from k8slite.objects.json_path import parse_path
from k8slite.objects.meta import parse_timestamp

Json = dict[str, Any]
Cell = Callable[[Json, datetime], Any]

_AGE: Final[Json] = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def table_of(version: Json) -> Table:
    """The table of one version of a definition."""
    columns: list[Column] = [NAME]
    cells: list[Cell] = []
    for one in version.get("additionalPrinterColumns") or (_AGE,):
        if one is _AGE:
            columns.append(evolve(AGE, type="date"))
        else:
            text = one.get("description") or (
                f"Custom resource definition column (in JSONPath format): {one['jsonPath']}"
            )
            columns.append(
                Column(
                    one["name"],
                    one["type"],
                    text,
                    one.get("format", ""),
                    int(one.get("priority", 0)),
                )
            )
        cells.append(_cell(one))

    def row(obj: Json, now: datetime) -> list[Any]:
        return [obj["metadata"].get("name", ""), *(cell(obj, now) for cell in cells)]

    return Table(tuple(columns), row)


def _cell(column: Json) -> Cell:
    find = parse_path(column["jsonPath"])
    show = _SHOWN[column["type"]]

    def cell(obj: Json, now: datetime) -> Any:
        for value in find(obj):
            return show(value, now)
        return None

    return cell


def _text(value: Any, _now: datetime) -> Any:
    if value is None or isinstance(value, str):
        return value
    return dumps(value).decode()


def _integer(value: Any, _now: datetime) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number else None


def _number(value: Any, _now: datetime) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _boolean(value: Any, _now: datetime) -> Any:
    return value if isinstance(value, bool) else None


def _date(value: Any, now: datetime) -> Any:
    if not isinstance(value, str):
        return None
    try:
        return since(parse_timestamp(value), now)
    except ValueError:
        return "<invalid>"


_SHOWN: Final[dict[str, Cell]] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
}
