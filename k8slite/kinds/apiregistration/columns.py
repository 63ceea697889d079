"""How API services are printed (upstream: `kube-aggregator`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import AGE, NAME, age, items, name, part, table
from k8slite.kinds.kind import Column, Json, Table


def _api_service(obj: Json, now: datetime) -> list[Any]:
    service = part(obj, "spec").get("service")
    where = f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"
    return [name(obj), where, _availability(obj), age(obj, now)]


def _availability(obj: Json) -> str:
    for condition in items(part(obj, "status"), "conditions"):
        if condition.get("type") == "Available":
            status: str = condition.get("status") or ""
            return status if status == "True" else f"{status} ({condition.get('reason') or ''})"
    return "Unknown"


TABLES: Final[Mapping[str, Table]] = {
    "apiservices": table(
        _api_service,
        NAME,
        Column("Service", description="The reference to the service that hosts this API endpoint."),
        Column("Available", description="Whether this service is available."),
        AGE,
    ),
}
