"""HorizontalPodAutoscalers of either version (upstream: `pkg/apis/autoscaling/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.autoscaling.metric_validation import validate_metrics
from k8slite.kinds.core.controller_validation import not_negative_counts
from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_path_segment_name
from k8slite.objects.quantity import nano

Json = dict[str, Any]


def validate_autoscaler(new: Json, old: Json | None) -> list[Cause]:
    """A HorizontalPodAutoscaler; one that scaled to zero before may go on to."""
    spec = new["spec"]
    found: list[Cause] = []
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    bound = 0 if old is not None and old["spec"].get("minReplicas") == 0 else 1
    if least is not None and least < bound:
        text = f"must be greater than or equal to {bound}"
        found.append(invalid("spec.minReplicas", least, text))
    if most < 1:
        text = "must be set and greater than 0"
        found.append(required("spec.maxReplicas", text))
    if least is not None and most < least:
        text = "must be greater than or equal to `minReplicas`"
        found.append(invalid("spec.maxReplicas", most, text))
    found += _target(spec.get("scaleTargetRef", {}))
    found += validate_metrics(spec.get("metrics") or (), "spec.metrics", least)
    behavior = spec.get("behavior") or {}
    for direction in ("scaleUp", "scaleDown"):
        if behavior.get(direction) is not None:
            found += _rules(behavior[direction], f"spec.behavior.{direction}")
    return found


def validate_autoscaler_status(new: Json, _old: Json | None) -> list[Cause]:
    """The counts in a HorizontalPodAutoscaler's status."""
    return not_negative_counts(new.get("status") or {}, ("currentReplicas", "desiredReplicas"))


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


def _rules(rules: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    at, seconds = f"{path}.stabilizationWindowSeconds", rules.get("stabilizationWindowSeconds")
    if seconds is not None and seconds < 0:
        found.append(invalid(at, seconds, "must be greater than or equal to zero"))
    if seconds is not None and seconds > _WINDOW_MOST_SECONDS:
        text = f"must be less than or equal to {_WINDOW_MOST_SECONDS}"
        found.append(invalid(at, seconds, text))
    select = rules.get("selectPolicy")
    if select is not None and select not in _SELECTIONS:
        found.append(not_supported(f"{path}.selectPolicy", select, _SELECTIONS))
    policies = rules.get("policies") or ()
    if not policies:
        found.append(required(f"{path}.policies", "must specify at least one Policy"))
    for i, policy in enumerate(policies):
        found += _policy(policy, f"{path}.policies[{i}]")
    tolerance = rules.get("tolerance")
    if tolerance is not None and nano(tolerance) < 0:
        text = "must be greater than or equal to zero"
        found.append(invalid(f"{path}.tolerance", tolerance, text))
    return found


def _policy(policy: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    kind = policy.get("type", "")
    if kind not in ("Percent", "Pods"):
        found.append(not_supported(f"{path}.type", kind, ("Percent", "Pods")))
    for key in ("value", "periodSeconds"):
        if policy.get(key, 0) <= 0:
            found.append(invalid(f"{path}.{key}", policy.get(key, 0), "must be greater than zero"))
    seconds = policy.get("periodSeconds", 0)
    if seconds > _PERIOD_MOST_SECONDS:
        text = f"must be less than or equal to {_PERIOD_MOST_SECONDS}"
        found.append(invalid(f"{path}.periodSeconds", seconds, text))
    return found


_WINDOW_MOST_SECONDS: Final = 3600
_PERIOD_MOST_SECONDS: Final = 1800
_SELECTIONS: Final = ("Disabled", "Max", "Min")
