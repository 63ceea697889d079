"""Metrics as autoscaling/v1 writes them into annotations, which is flatter than in v2.

    v2   {"type":"Pods","pods":{"metric":{"name":"n"},"target":{"type":"AverageValue",...}}}
    v1   {"type":"Pods","pods":{"metricName":"n","targetAverageValue":...}}

(upstream: `autoscaling/v1.MetricSpec` and `MetricStatus`).
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.kind import Json


def to_old_metric(metric: Json) -> Json:
    """A v2 metric as an element of the annotation `metrics`."""
    return _flat(metric, "target", _OLD_TARGETS)


def from_old_metric(metric: Json) -> Json:
    """The metric that an element of the annotation `metrics` stands for."""
    converted = _deep(metric, "target", _OLD_TARGETS)
    for source in _SOURCES:
        target = (converted.get(source) or {}).get("target")
        if target is not None:
            target["type"] = next((kind for key, kind in _TYPES if key in target), "Value")
    return converted


def to_old_current(metric: Json) -> Json:
    """A v2 current metric as an element of the annotation `current-metrics`."""
    return _flat(metric, "current", _OLD_CURRENT)


def from_old_current(metric: Json) -> Json:
    """The current metric that an element of the annotation `current-metrics` stands for."""
    return _deep(metric, "current", _OLD_CURRENT)


def _flat(metric: Json, side: str, names: dict[str, dict[str, str]]) -> Json:
    converted: Json = {"type": metric.get("type", "")}
    for source in _SOURCES:
        found = metric.get(source)
        if found is None:
            continue
        flat: dict[str, Any] = {}
        if "metric" in found:
            flat["metricName"] = found["metric"].get("name", "")
            if found["metric"].get("selector") is not None:
                flat[_SELECTORS.get(source, "selector")] = found["metric"]["selector"]
        if "describedObject" in found:
            flat["target"] = found["describedObject"]
        for key in ("name", "container"):
            if key in found:
                flat[key] = found[key]
        for key, value in (found.get(side) or {}).items():
            if key in names[source]:
                flat[names[source][key]] = value
        converted[source] = flat
    return converted


def _deep(metric: Json, side: str, names: dict[str, dict[str, str]]) -> Json:
    converted: Json = {"type": metric.get("type", "")}
    for source in _SOURCES:
        found = metric.get(source)
        if found is None:
            continue
        amounts = {key: found[old] for key, old in names[source].items() if old in found}
        deep: dict[str, Any] = {side: amounts}
        if "metricName" in found:
            deep["metric"] = {"name": found["metricName"]}
            selector = found.get(_SELECTORS.get(source, "selector"))
            if selector is not None:
                deep["metric"]["selector"] = selector
        if "target" in found:
            deep["describedObject"] = found["target"]
        for key in ("name", "container"):
            if key in found:
                deep[key] = found[key]
        converted[source] = deep
    return converted


_SOURCES: Final = ("resource", "containerResource", "pods", "object", "external")

_SELECTORS: Final = {"external": "metricSelector"}

_RESOURCE_TARGET: Final = {
    "averageUtilization": "targetAverageUtilization",
    "averageValue": "targetAverageValue",
}
_RESOURCE_CURRENT: Final = {
    "averageUtilization": "currentAverageUtilization",
    "averageValue": "currentAverageValue",
}

# Source -> v2 field -> v1 field.
_OLD_TARGETS: Final[dict[str, dict[str, str]]] = {
    "resource": _RESOURCE_TARGET,
    "containerResource": _RESOURCE_TARGET,
    "pods": {"averageValue": "targetAverageValue"},
    "object": {"value": "targetValue", "averageValue": "averageValue"},
    "external": {"value": "targetValue", "averageValue": "targetAverageValue"},
}
_OLD_CURRENT: Final[dict[str, dict[str, str]]] = {
    "resource": _RESOURCE_CURRENT,
    "containerResource": _RESOURCE_CURRENT,
    "pods": {"averageValue": "currentAverageValue"},
    "object": {"value": "currentValue", "averageValue": "averageValue"},
    "external": {"value": "currentValue", "averageValue": "currentAverageValue"},
}

_TYPES: Final = (
    ("averageUtilization", "Utilization"),
    ("averageValue", "AverageValue"),
    ("value", "Value"),
)
