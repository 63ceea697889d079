"""How horizontal pod autoscalers are printed (upstream: `formatHPAMetrics`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import AGE, NAME, age, described, items, name, part, table
from k8slite.kinds.kind import Json, Table

# How many metrics are printed before "+ 1 more...".
_MOST_METRICS: Final = 2

_UNKNOWN: Final = "<unknown>"


def _autoscaler(obj: Json, now: datetime) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    target = part(spec, "scaleTargetRef")
    minimum = spec.get("minReplicas")
    return [
        name(obj),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _metrics(items(spec, "metrics"), items(status, "currentMetrics")),
        "<unset>" if minimum is None else str(minimum),
        spec.get("maxReplicas") or 0,
        status.get("currentReplicas") or 0,
        age(obj, now),
    ]


def _metrics(wanted: Sequence[Any], current: Sequence[Any]) -> str:
    found = [
        _metric(metric, current[index] if index < len(current) else {})
        for index, metric in enumerate(wanted)
    ]
    if not found:
        return "<none>"
    listed = ", ".join(found[:_MOST_METRICS])
    more = len(found) - _MOST_METRICS
    return f"{listed} + {more} more..." if more > 0 else listed


def _metric(metric: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    source = _SOURCES.get(metric.get("type") or "")
    if source is None:
        return "<unknown type>"
    target = part(metric, source, "target")
    current = part(status, source, "current")
    average = target.get("averageValue")
    if source in ("resource", "containerResource"):
        resource = part(metric, source).get("name", "")
        if average is not None:
            return f"{resource}: {current.get('averageValue', _UNKNOWN)}/{average}"
        used, wanted = current.get("averageUtilization"), target.get("averageUtilization")
        return (
            f"{resource}: {_UNKNOWN if used is None else f'{used}%'}"
            f"/{'<auto>' if wanted is None else f'{wanted}%'}"
        )
    if source == "pods":
        return f"{current.get('averageValue', _UNKNOWN)}/{average or 0}"
    if average is not None:
        return f"{current.get('averageValue', _UNKNOWN)}/{average} (avg)"
    return f"{current.get('value', _UNKNOWN)}/{target.get('value', '0')}"


_SOURCES: Final = {
    "External": "external",
    "Pods": "pods",
    "Object": "object",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}

_SPEC: Final = "autoscaling.v2.HorizontalPodAutoscalerSpec"
_STATUS: Final = "autoscaling.v2.HorizontalPodAutoscalerStatus"

# Both versions print the same: the second one's fields.
TABLES: Final[Mapping[str, Table]] = {
    "horizontalpodautoscalers": table(
        _autoscaler,
        NAME,
        described("Reference", _SPEC, "scaleTargetRef"),
        described("Targets", _SPEC, "metrics"),
        described("MinPods", _SPEC, "minReplicas"),
        described("MaxPods", _SPEC, "maxReplicas"),
        described("Replicas", _STATUS, "currentReplicas"),
        AGE,
    ),
}
