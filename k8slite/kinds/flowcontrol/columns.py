"""How flow schemas and priority levels are printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import AGE, NAME, age, described, items, name, part, table
from k8slite.kinds.kind import Column, Json, Table


def _flow_schema(obj: Json, now: datetime) -> list[Any]:
    spec = part(obj, "spec")
    method = spec.get("distinguisherMethod")
    return [
        name(obj),
        part(spec, "priorityLevelConfiguration").get("name") or "",
        spec.get("matchingPrecedence") or 0,
        "<none>" if method is None else method.get("type", ""),
        age(obj, now),
        _dangling(part(obj, "status")),
    ]


def _dangling(status: Mapping[str, Any]) -> str:
    for condition in items(status, "conditions"):
        if condition.get("type") == "Dangling":
            return str(condition.get("status", ""))
    return "?"


def _priority_level(obj: Json, now: datetime) -> list[Any]:
    spec = part(obj, "spec")
    limited = spec.get("limited")
    shares: Any = "<none>" if limited is None else limited.get("nominalConcurrencyShares") or 0
    queuing = part(spec, "limited", "limitResponse").get("queuing")
    queues: list[Any] = ["<none>"] * 3
    if queuing is not None:
        queues = [queuing.get(key) or 0 for key in ("queues", "handSize", "queueLengthLimit")]
    return [name(obj), spec.get("type") or "", shares, *queues, age(obj, now)]


_QUEUING: Final = "flowcontrol.v1.QueuingConfiguration"

TABLES: Final[Mapping[str, Table]] = {
    "flowschemas": table(
        _flow_schema,
        NAME,
        described("PriorityLevel", "flowcontrol.v1.PriorityLevelConfigurationReference", "name"),
        described("MatchingPrecedence", "flowcontrol.v1.FlowSchemaSpec", "matchingPrecedence"),
        described("DistinguisherMethod", "flowcontrol.v1.FlowSchemaSpec", "distinguisherMethod"),
        AGE,
        Column(
            "MissingPL",
            description="references a broken or non-existent PriorityLevelConfiguration",
        ),
    ),
    "prioritylevelconfigurations": table(
        _priority_level,
        NAME,
        described("Type", "flowcontrol.v1.PriorityLevelConfigurationSpec", "type"),
        described(
            "NominalConcurrencyShares",
            "flowcontrol.v1.LimitedPriorityLevelConfiguration",
            "nominalConcurrencyShares",
        ),
        described("Queues", _QUEUING, "queues"),
        described("HandSize", _QUEUING, "handSize"),
        described("QueueLengthLimit", _QUEUING, "queueLengthLimit"),
        AGE,
    ),
}
