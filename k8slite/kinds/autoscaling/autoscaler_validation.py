"""HorizontalPodAutoscalers of either version (upstream: `pkg/apis/autoscaling/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_path_segment_name

Json = dict[str, Any]


def validate_autoscaler(new: Json, _old: Json | None) -> list[Cause]:
    """A HorizontalPodAutoscaler."""
    spec = new["spec"]
    found: list[Cause] = []
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    if least is not None and least < 1:
        text = "must be greater than or equal to 1"
        found.append(invalid("spec.minReplicas", least, text))
    if most < 1:
        text = "must be set and greater than 0"
        found.append(required("spec.maxReplicas", text))
    if least is not None and most < least:
        text = "must be greater than or equal to `minReplicas`"
        found.append(invalid("spec.maxReplicas", most, text))
    found += _target(spec.get("scaleTargetRef", {}))
    for i, metric in enumerate(spec.get("metrics", ())):
        found += _metric(metric, f"spec.metrics[{i}]")
    percent = spec.get("targetCPUUtilizationPercentage")
    if percent is not None and percent < 1:
        at = "spec.targetCPUUtilizationPercentage"
        found.append(invalid(at, percent, "must be greater than 0"))
    return found


def _target(reference: Json) -> list[Cause]:
    found: list[Cause] = []
    for key in ("kind", "name"):
        value = reference.get(key, "")
        if not value:
            found.append(required(f"spec.scaleTargetRef.{key}"))
        else:
            found += each(f"spec.scaleTargetRef.{key}", value, is_path_segment_name(value))
    version = reference.get("apiVersion", "")
    at = "spec.scaleTargetRef.apiVersion"
    if version.count("/") > 1:
        found.append(invalid(at, version, f"unexpected GroupVersion string: {version}"))
    elif "/" not in version and reference.get("kind") != "ReplicationController":
        found.append(invalid(at, version, "apiVersion must specify API group"))
    return found


def _metric(metric: Json, path: str) -> list[Cause]:
    kind = metric.get("type", "")
    if not kind:
        return [required(f"{path}.type", "must specify a metric source type")]
    if kind not in _SOURCES:
        return [not_supported(f"{path}.type", kind, tuple(_SOURCES))]
    key = _SOURCES[kind]
    source = metric.get(key)
    if source is None:
        text = "must populate information for the given metric source"
        return [required(f"{path}.{key}", text)]
    found: list[Cause] = []
    if key in ("resource", "containerResource") and not source.get("name"):
        found.append(required(f"{path}.{key}.name", "must specify a resource name"))
    target = source.get("target", {})
    at = f"{path}.{key}.target"
    if not target.get("type"):
        found.append(required(f"{at}.type", "must specify a metric target type"))
    elif target["type"] not in ("AverageValue", "Utilization", "Value"):
        text = "must be either Utilization, Value, or AverageValue"
        found.append(invalid(f"{at}.type", target["type"], text))
    utilization = target.get("averageUtilization")
    if utilization is not None and utilization < 1:
        found.append(invalid(f"{at}.averageUtilization", utilization, "must be greater than 0"))
    return found


_SOURCES: Final = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
