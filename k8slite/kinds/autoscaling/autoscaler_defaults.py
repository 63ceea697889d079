"""What a HorizontalPodAutoscaler gets where nothing was said, in either version.

Mirrors `pkg/apis/autoscaling/v1/defaults.go` and `v2/defaults.go`.
"""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

# Per cent of what the Pods ask for.
TARGET_UTILIZATION: Final = 80


def default_autoscaler(autoscaler: Json) -> None:
    """Fill in a HorizontalPodAutoscaler of autoscaling/v1 or v2."""
    spec = autoscaler.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    status = autoscaler.setdefault("status", {})
    status.setdefault("desiredReplicas", 0)
    if autoscaler.get("apiVersion") == "autoscaling/v1":
        spec.setdefault("targetCPUUtilizationPercentage", TARGET_UTILIZATION)
        status.setdefault("currentReplicas", 0)
        return
    # Not omitted when empty, and a list in Go: null.
    status.setdefault("currentMetrics", None)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": TARGET_UTILIZATION}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        behavior["scaleUp"] = _rules(behavior.get("scaleUp"), _SCALE_UP)
        behavior["scaleDown"] = _rules(behavior.get("scaleDown"), _SCALE_DOWN)


def _rules(given: Json | None, usual: Json) -> Json:
    rules = dict(given or {})
    for key, value in usual.items():
        if key == "policies":
            if rules.get(key) is None:
                rules[key] = [dict(policy) for policy in value]
        else:
            rules.setdefault(key, value)
    return rules


_SCALE_UP: Final[Json] = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_SCALE_DOWN: Final[Json] = {
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}
