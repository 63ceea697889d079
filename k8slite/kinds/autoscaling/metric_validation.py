"""The metrics of a HorizontalPodAutoscaler (upstream: `validateMetrics` of
`pkg/apis/autoscaling/validation`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from k8slite.kinds.core.resource_validation import validate_container_resource_name
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_dns1123_label, is_path_segment_name
from k8slite.objects.quantity import nano

Json = dict[str, Any]


def validate_metrics(metrics: Sequence[Json], path: str, least: int | None) -> list[Cause]:
    """All metrics; `least` replicas of 0 need one that is there without pods."""
    found: list[Cause] = []
    for i, metric in enumerate(metrics):
        found += _metric(metric, f"{path}[{i}]")
    if least == 0 and not any(one.get("type") in ("External", "Object") for one in metrics):
        text = (
            "must specify at least one Object or External metric to support scaling to zero "
            "replicas"
        )
        found.append(forbidden(path, text))
    return found


def _metric(metric: Json, path: str) -> list[Cause]:
    kind = metric.get("type", "")
    found: list[Cause] = []
    if not kind:
        found.append(required(f"{path}.type", "must specify a metric source type"))
    unknown = not_supported(f"{path}.type", kind, _SOURCES)
    if kind not in _SOURCES:
        found.append(unknown)
    given = [key for key in _CHECKS if metric.get(key) is not None]
    if given:
        found += _CHECKS[given[0]](metric[given[0]], f"{path}.{given[0]}")
    key = _SOURCES.get(kind, "")
    if not key:
        found.append(unknown)  # upstream says it twice
    elif key not in given:
        text = "must populate information for the given metric source"
        found.append(required(f"{path}.{key}", text))
    if len(given) != 1:
        text = "must populate the given metric source only"
        found += [forbidden(f"{path}.{one}", text) for one in given if one != key]
    return found


def _object(source: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    reference = source.get("describedObject") or {}
    for key in ("kind", "name"):
        value, at = reference.get(key, ""), f"{path}.describedObject.{key}"
        found += each(at, value, is_path_segment_name(value)) if value else [required(at)]
    found += _identified(source, path)
    return found + _valued(source, path, "must set either a target value or averageValue")


def _external(source: Json, path: str) -> list[Cause]:
    found = _identified(source, path)
    text = "must set either a target value for metric or a per-pod target"
    found += _valued(source, path, text)
    target = source.get("target") or {}
    if target.get("value") is not None and target.get("averageValue") is not None:
        text = "may not set both a target value for metric and a per-pod target"
        found.append(forbidden(f"{path}.target.value", text))
    return found


def _pods(source: Json, path: str) -> list[Cause]:
    found = _identified(source, path) + _target(source, path)
    if (source.get("target") or {}).get("averageValue") is None:
        text = "must specify a positive target averageValue"
        found.append(required(f"{path}.target.averageValue", text))
    return found


def _resource(source: Json, path: str) -> list[Cause]:
    name = source.get("name", "")
    found = [] if name else [required(f"{path}.name", "must specify a resource name")]
    return found + _target(source, path) + _used(source, path)


def _container_resource(source: Json, path: str) -> list[Cause]:
    name, container = source.get("name", ""), source.get("container", "")
    if name:
        found = validate_container_resource_name(name, f"{path}.name")
    else:
        found = [required(f"{path}.name", "must specify a resource name")]
    if container:
        found += each(f"{path}.container", container, is_dns1123_label(container))
    else:
        found.append(required(f"{path}.container", "must specify a container"))
    return found + _target(source, path) + _used(source, path)


def _identified(source: Json, path: str) -> list[Cause]:
    name, at = (source.get("metric") or {}).get("name", ""), f"{path}.metric.name"
    if not name:
        return [required(at, "must specify a metric name")]
    return each(at, name, is_path_segment_name(name))


def _valued(source: Json, path: str, missing: str) -> list[Cause]:
    target = source.get("target") or {}
    found = _target(source, path)
    if target.get("value") is None and target.get("averageValue") is None:
        found.append(required(f"{path}.target.averageValue", missing))
    return found


def _used(source: Json, path: str) -> list[Cause]:
    target = source.get("target") or {}
    has_share = target.get("averageUtilization") is not None
    has_value = target.get("averageValue") is not None
    if not has_share and not has_value:
        text = "must set either a target raw value or a target utilization"
        return [required(f"{path}.target.averageUtilization", text)]
    if has_share and has_value:
        text = "may not set both a target raw value and a target utilization"
        return [forbidden(f"{path}.target.averageValue", text)]
    return []


def _target(source: Json, path: str) -> list[Cause]:
    target, at = source.get("target") or {}, f"{path}.target"
    found: list[Cause] = []
    kind = target.get("type", "")
    if not kind:
        found.append(required(f"{at}.type", "must specify a metric target type"))
    if kind not in ("AverageValue", "Utilization", "Value"):
        text = "must be either Utilization, Value, or AverageValue"
        found.append(invalid(f"{at}.type", kind, text))
    for key in ("value", "averageValue"):
        amount = target.get(key)
        if amount is not None and nano(amount) <= 0:
            found.append(invalid(f"{at}.{key}", amount, "must be positive"))
    share = target.get("averageUtilization")
    if share is not None and share < 1:
        found.append(invalid(f"{at}.averageUtilization", share, "must be greater than 0"))
    return found


_SOURCES: Final = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
# In upstream's order: of several sources the first one is looked at.
_CHECKS: Final[Mapping[str, Callable[[Json, str], list[Cause]]]] = {
    "object": _object,
    "external": _external,
    "pods": _pods,
    "resource": _resource,
    "containerResource": _container_resource,
}
