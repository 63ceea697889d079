"""Horizontal pod autoscalers between autoscaling/v2, in which they are kept, and v1.

Version 1 knows one metric, the CPU's utilization; what else there is travels in annotations, so
that nothing is lost on the way there and back (upstream: `apis/autoscaling/v1/conversion`).
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.autoscaling.old_metrics import (
    from_old_current,
    from_old_metric,
    to_old_current,
    to_old_metric,
)
from k8slite.kinds.kind import Json
from k8slite.objects.codec import dumps, loads

_METRICS: Final = "autoscaling.alpha.kubernetes.io/metrics"
_CURRENT_METRICS: Final = "autoscaling.alpha.kubernetes.io/current-metrics"
_CONDITIONS: Final = "autoscaling.alpha.kubernetes.io/conditions"
_BEHAVIOR: Final = "autoscaling.alpha.kubernetes.io/behavior"


def v1_from_stored(obj: Json) -> Json:
    """A v2 autoscaler as v1 says it; `obj` is left as it is."""
    spec = dict(obj.get("spec") or {})
    annotations = _without(obj["metadata"].get("annotations") or {})
    metrics = list(spec.pop("metrics", None) or ())
    behavior = spec.pop("behavior", None)
    index = next((i for i, metric in enumerate(metrics) if _is_cpu(metric, "target")), None)
    if index is not None:
        target = metrics.pop(index)["resource"]["target"]
        spec["targetCPUUtilizationPercentage"] = target["averageUtilization"]
    if metrics:
        annotations[_METRICS] = _text([to_old_metric(metric) for metric in metrics])
    if behavior is not None:
        annotations[_BEHAVIOR] = _text(behavior)
    converted = {**obj, "spec": spec}
    if "status" in obj:
        converted["status"] = _status_of_v1(obj["status"] or {}, annotations)
    return _annotated(converted, annotations)


def v1_to_stored(obj: Json) -> Json:
    """A v1 autoscaler as v2 says it; `obj` is left as it is.

    Annotations that cannot be read are dropped, as upstream does.
    """
    spec = dict(obj.get("spec") or {})
    carried = obj["metadata"].get("annotations") or {}
    percentage = spec.pop("targetCPUUtilizationPercentage", None)
    metrics = [from_old_metric(metric) for metric in _list(carried, _METRICS)]
    if percentage is not None:
        metrics.append(
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": percentage},
                },
            }
        )
    if metrics:
        spec["metrics"] = metrics
    behavior = _read(carried, _BEHAVIOR)
    if isinstance(behavior, dict):
        spec["behavior"] = behavior
    converted = {**obj, "spec": spec}
    if "status" in obj:
        converted["status"] = _status_of_v2(obj["status"] or {}, carried)
    return _annotated(converted, _without(carried))


def _status_of_v1(status: Json, annotations: dict[str, str]) -> Json:
    found = dict(status)
    conditions = found.pop("conditions", None)
    current = list(found.pop("currentMetrics", None) or ())
    for metric in current:
        if _is_cpu(metric, "current"):
            found["currentCPUUtilizationPercentage"] = metric["resource"]["current"][
                "averageUtilization"
            ]
    if current:
        annotations[_CURRENT_METRICS] = _text([to_old_current(metric) for metric in current])
    if conditions:
        annotations[_CONDITIONS] = _text(conditions)
    return found


def _status_of_v2(status: Json, carried: dict[str, str]) -> Json:
    found = dict(status)
    percentage = found.pop("currentCPUUtilizationPercentage", None)
    current = [from_old_current(metric) for metric in _list(carried, _CURRENT_METRICS)]
    if not current and percentage is not None:
        current = [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "current": {"averageUtilization": percentage}},
            }
        ]
    if current:
        found["currentMetrics"] = current
    conditions = _list(carried, _CONDITIONS)
    if conditions:
        found["conditions"] = conditions
    return found


def _is_cpu(metric: Json, side: str) -> bool:
    resource = metric.get("resource") or {}
    amount = resource.get(side) or {}
    return (
        metric.get("type") == "Resource"
        and resource.get("name") == "cpu"
        and amount.get("averageUtilization") is not None
    )


def _annotated(obj: Json, annotations: dict[str, str]) -> Json:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "annotations"}
    if annotations:
        metadata["annotations"] = annotations
    return {**obj, "metadata": metadata}


def _without(annotations: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in annotations.items() if key not in _CARRIED}


def _text(value: Any) -> str:
    return dumps(value).decode()


def _read(annotations: dict[str, str], key: str) -> Any:
    try:
        return loads(annotations[key].encode()) if key in annotations else None
    except ValueError:
        return None


def _list(annotations: dict[str, str], key: str) -> list[Json]:
    found = _read(annotations, key)
    if not isinstance(found, list):
        return []
    return [one for one in found if isinstance(one, dict)]


_CARRIED: Final = frozenset((_METRICS, _CURRENT_METRICS, _CONDITIONS, _BEHAVIOR))
