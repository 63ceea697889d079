"""The parts of a Table: its columns, and one row after another.

A kind without columns of its own shows its name and when it was created (upstream:
`rest.NewDefaultTableConvertor`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal, get_args

from attrs import evolve

from k8slite.kinds.cells import AGE, NAME, SchemaColumn, TableWithConditions
from k8slite.kinds.kind import Column, Json, Table
from k8slite.objects.codec import dumps
from k8slite.objects.errors import BadRequest
from k8slite.objects.fields import quoted
from k8slite.objects.schema import Schemas

Included = Literal["None", "Metadata", "Object"]

_ZERO_TIME: Final = "0001-01-01T00:00:00Z"  # how Go writes a time that is not set

# Definitions that are kept as bytes, by the identity of their table and the minor version; custom
# resources' tables come and go, and beyond this many the oldest are made again.
_REMEMBERED_MOST: Final = 512
_remembered: dict[tuple[int, int], tuple[Table, bytes]] = {}


def included_part(text: str) -> Included:
    """Read the parameter `includeObject`; "" means Metadata. Raises BadRequest."""
    if not text:
        return "Metadata"
    for known in get_args(Included):
        if text == known:
            return text  # type: ignore[return-value]  # it is one of the literals
    raise BadRequest(f"unrecognized includeObject value: {quoted(text)}")


def column_definitions(table: Table | None, minor: int) -> bytes:
    """The JSON of all columns, described as Kubernetes 1.`minor` does."""
    chosen = _DEFAULT if table is None else table
    key = (id(chosen), minor)
    found = _remembered.get(key)
    # An identity may be taken over by a later table, so that the table itself is compared too.
    if found is None or found[0] is not chosen:
        if len(_remembered) >= _REMEMBERED_MOST:
            del _remembered[next(iter(_remembered))]
        schemas = Schemas.load(minor)
        definitions = dumps([_definition(column, schemas) for column in chosen.columns])
        found = _remembered[key] = (chosen, definitions)
    return found[1]


def row_head(table: Table | None, obj: Json, now: datetime) -> bytes:
    """A row's JSON up to its object: `{"cells":[...],"object":`."""
    chosen = _DEFAULT if table is None else table
    head = b'{"cells":' + dumps(chosen.cells(obj, now))
    if isinstance(chosen, TableWithConditions):
        conditions = chosen.conditions(obj)
        if conditions:
            head += b',"conditions":' + dumps(conditions)
    return head + b',"object":'


def partial_object(version: str, obj: Json) -> bytes:
    """An object's metadata as `PartialObjectMetadata`."""
    head = b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/%b","metadata":'
    return head % version.encode() + dumps(obj["metadata"]) + b"}"


def _definition(column: Column, schemas: Schemas) -> Json:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": _description(column, schemas),
        "priority": column.priority,
    }


def _description(column: Column, schemas: Schemas) -> str:
    if not isinstance(column, SchemaColumn):
        return column.description
    definition = schemas.definitions.get(column.definition, {})
    field: Json = definition.get("properties", {}).get(column.field, {})
    found: str = field.get("description", "")
    return found


def _default_cells(obj: Json, _now: datetime) -> list[Any]:
    metadata = obj["metadata"]
    return [metadata.get("name", ""), metadata.get("creationTimestamp") or _ZERO_TIME]


_DEFAULT: Final = Table((NAME, evolve(AGE, name="Created At", type="date")), _default_cells)
