"""Deployments, ReplicaSets, DaemonSets and ControllerRevisions.

Mirrors `pkg/apis/apps/validation`: a selector finds the Pods of the template and never changes.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.controller_validation import (
    UNMATCHED,
    at_most_replicas,
    not_decremented,
    not_negative,
    not_negative_counts,
    validate_endless,
    validate_selector,
    validate_served_template,
)
from k8slite.kinds.core.pod_validation import validate_pod_template
from k8slite.kinds.core.selector_validation import validate_label_selector
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.metadata_validation import NOT_NEGATIVE, each, immutable
from k8slite.objects.names import is_percent
from k8slite.objects.selectors import selector_of

Json = dict[str, Any]


def validate_deployment(new: Json, old: Json | None) -> list[Cause]:
    """A Deployment."""
    spec = new["spec"]
    found = not_negative(spec, "replicas", "spec")
    selector, wrong = validate_selector(spec, "spec", "empty selector is invalid for deployment")
    found += wrong
    if selector is not None:
        found += validate_served_template(spec["template"], selector, "spec.template", "ReplicaSet")
    found += _strategy(spec.get("strategy", {}))
    found += not_negative(spec, "minReadySeconds", "spec")
    found += not_negative(spec, "revisionHistoryLimit", "spec")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        found += not_negative(spec, "progressDeadlineSeconds", "spec")
        if deadline <= spec.get("minReadySeconds", 0):
            text = "must be greater than minReadySeconds"
            found.append(invalid("spec.progressDeadlineSeconds", deadline, text))
    return found + _same_selector(new, old)


def validate_deployment_status(new: Json, old: Json | None) -> list[Cause]:
    """The counts in a Deployment's status."""
    status = new.get("status", {})
    counts = ("updatedReplicas", "readyReplicas", "availableReplicas")
    found = not_negative_counts(status, ("observedGeneration", "replicas", *counts))
    found += not_negative_counts(
        status, ("unavailableReplicas", "terminatingReplicas", "collisionCount")
    )
    return found + at_most_replicas(status, counts) + not_decremented(new, old)


def validate_replica_set(new: Json, old: Json | None) -> list[Cause]:
    """A ReplicaSet."""
    spec = new["spec"]
    found = not_negative(spec, "replicas", "spec")
    found += not_negative(spec, "minReadySeconds", "spec")
    selector, wrong = validate_selector(spec, "spec", "empty selector is invalid for deployment")
    found += wrong
    if selector is not None:
        template = spec.get("template", {})
        found += validate_served_template(template, selector, "spec.template", "ReplicaSet")
    return found + _same_selector(new, old)


def validate_daemon_set(new: Json, old: Json | None) -> list[Cause]:
    """A DaemonSet."""
    spec = new["spec"]
    given = spec.get("selector")
    template = spec["template"]
    found = validate_label_selector(given, "spec.selector")
    labels = template.get("metadata", {}).get("labels")
    try:
        matches = selector_of(given).matches(labels or {})
    except ValueError:
        matches = True
    if not matches:
        shown = dict(sorted(labels.items())) if labels else None
        found.append(invalid("spec.template.metadata.labels", shown, UNMATCHED))
    if given is not None and not given.get("matchLabels") and not given.get("matchExpressions"):
        found.append(invalid("spec.selector", given, "empty selector is invalid for daemonset"))
    found += validate_pod_template(template, "spec.template")
    found += validate_endless(template, "spec.template", "DaemonSet")
    found += not_negative(spec, "minReadySeconds", "spec")
    found += _daemon_strategy(spec.get("updateStrategy", {}))
    found += not_negative(spec, "revisionHistoryLimit", "spec")
    return found + _same_selector(new, old)


def validate_daemon_set_status(new: Json, old: Json | None) -> list[Cause]:
    """The counts in a DaemonSet's status."""
    status = new.get("status") or {}
    return not_negative_counts(status, _DAEMON_COUNTS) + not_decremented(new, old)


def validate_controller_revision(new: Json, old: Json | None) -> list[Cause]:
    """A ControllerRevision, whose data never changes."""
    found = [required("data", "data is mandatory")] if new.get("data") is None else []
    revision = new.get("revision", 0)
    if revision < 0:
        found.append(invalid("revision", revision, NOT_NEGATIVE))
    if old is not None:
        found += immutable("data", new.get("data"), old.get("data"))
    return found


def positive_count(value: int | str, path: str) -> list[Cause]:
    """A number that is not negative, or a percentage (`ValidatePositiveIntOrPercent`)."""
    if isinstance(value, str):
        return each(path, value, is_percent(value))
    return [] if value >= 0 else [invalid(path, value, NOT_NEGATIVE)]


def at_most_all(value: int | str, path: str) -> list[Cause]:
    """Not more than 100% (upstream: `IsNotMoreThan100Percent`)."""
    if isinstance(value, str) and not is_percent(value) and int(value[:-1]) > 100:
        return [invalid(path, value, "must not be greater than 100%")]
    return []


def is_none(value: int | str) -> bool:
    """Whether a number or a share is nothing, as what cannot be read is."""
    if isinstance(value, int):
        return value == 0
    digits = value.removesuffix("%")
    return not (digits.isascii() and digits.isdecimal() and int(digits))


def _strategy(strategy: Json) -> list[Cause]:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    at = "spec.strategy.rollingUpdate"
    if kind == "Recreate":
        if rolling is None:
            return []
        text = "may not be specified when strategy `type` is 'Recreate'"
        return [forbidden(at, text)]
    if kind != "RollingUpdate":
        shown = {"Type": kind, "RollingUpdate": rolling}
        return [not_supported("spec.strategy", shown, ("Recreate", "RollingUpdate"))]
    if rolling is None:
        return [required(at, "this should be defaulted and never be nil")]
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    found = positive_count(unavailable, f"{at}.maxUnavailable")
    found += positive_count(surge, f"{at}.maxSurge")
    if is_none(unavailable) and is_none(surge):
        text = "may not be 0 when `maxSurge` is 0"
        found.append(invalid(f"{at}.maxUnavailable", unavailable, text))
    return found + at_most_all(unavailable, f"{at}.maxUnavailable")


def _daemon_strategy(strategy: Json) -> list[Cause]:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    at = "spec.updateStrategy.rollingUpdate"
    if kind == "OnDelete":
        return []
    if kind != "RollingUpdate":
        shown = {"Type": kind, "RollingUpdate": rolling}
        return [not_supported("spec.updateStrategy", shown, ("OnDelete", "RollingUpdate"))]
    if rolling is None:
        return [required(at)]
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    found = positive_count(unavailable, f"{at}.maxUnavailable")
    found += positive_count(surge, f"{at}.maxSurge")
    found += at_most_all(unavailable, f"{at}.maxUnavailable")
    found += at_most_all(surge, f"{at}.maxSurge")
    if not is_none(unavailable) and not is_none(surge):
        text = "may not be set when maxUnavailable is non-zero"
        found.append(invalid(f"{at}.maxSurge", surge, text))
    elif is_none(unavailable) and is_none(surge):
        text = "cannot be 0 when maxSurge is 0"
        found.append(required(f"{at}.maxUnavailable", text))
    return found


def _same_selector(new: Json, old: Json | None) -> list[Cause]:
    if old is None:
        return []
    after, before = new["spec"].get("selector"), old["spec"].get("selector")
    return immutable("spec.selector", after, before)


_DAEMON_COUNTS: Final = (
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
)
