"""StatefulSets (upstream: `ValidateStatefulSet` of `pkg/apis/apps/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.apps.workload_validation import at_most_all, is_none, positive_count
from k8slite.kinds.core.controller_validation import (
    at_most_replicas,
    not_decremented,
    not_negative,
    not_negative_counts,
    validate_match,
    validate_selector,
)
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.metadata_validation import validate_annotations, validate_labels

Json = dict[str, Any]


def validate_stateful_set(new: Json, old: Json | None) -> list[Cause]:
    """A StatefulSet; its Pods' volumes come from claims, so the template is looked at loosely."""
    spec = new["spec"]
    policy = spec.get("podManagementPolicy", "")
    found = []
    if policy not in ("OrderedReady", "Parallel"):
        text = "must be 'OrderedReady' or 'Parallel'"
        found.append(invalid("spec.podManagementPolicy", policy, text))
    found += _strategy(spec.get("updateStrategy", {}))
    retention = spec.get("persistentVolumeClaimRetentionPolicy", {})
    for key in ("whenDeleted", "whenScaled"):
        value = retention.get(key, "Retain")
        if value not in ("Delete", "Retain"):
            at = f"spec.persistentVolumeClaimRetentionPolicy.{key}"
            found.append(not_supported(at, value, ("Delete", "Retain")))
    found += not_negative(spec, "replicas", "spec")
    found += not_negative(spec, "minReadySeconds", "spec")
    if "ordinals" in spec:
        found += not_negative(spec["ordinals"], "start", "spec.ordinals")
    found += not_negative(spec, "revisionHistoryLimit", "spec")
    empty = "empty selector is invalid for statefulset"
    selector, wrong = validate_selector(spec, "spec", empty, unreadable="")
    found += wrong
    template = spec["template"]
    metadata = template.get("metadata", {})
    if selector is not None:
        if not selector.empty:
            found += validate_match(template, selector, "spec.template")
        found += validate_labels(metadata.get("labels"), "spec.template.labels")
        found += validate_annotations(metadata.get("annotations"), "spec.template.annotations")
    pods = template.get("spec", {})
    restart = pods.get("restartPolicy", "")
    if restart != "Always":
        at = "spec.template.spec.restartPolicy"
        found.append(not_supported(at, restart, ("Always",)))
    if pods.get("activeDeadlineSeconds") is not None:
        text = "activeDeadlineSeconds in StatefulSet is not Supported"
        found.append(forbidden("spec.template.spec.activeDeadlineSeconds", text))
    return found if old is None else found + _update(spec, old["spec"])


def validate_stateful_set_status(new: Json, old: Json | None) -> list[Cause]:
    """The counts in a StatefulSet's status."""
    status = new.get("status") or {}
    counts = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    found = not_negative_counts(status, ("replicas", *counts))
    found += not_negative_counts(status, ("observedGeneration", "collisionCount"))
    found += at_most_replicas(status, counts, ready="status.readyReplicas")
    return found + not_decremented(new, old)


def _strategy(strategy: Json) -> list[Cause]:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    at = "spec.updateStrategy"
    if not kind:
        return [required(at)]
    if kind == "OnDelete":
        if rolling is None:
            return []
        text = "only allowed for updateStrategy 'RollingUpdate'"
        return [invalid(f"{at}.rollingUpdate", rolling, text)]
    if kind != "RollingUpdate":
        shown = {"Type": kind, "RollingUpdate": rolling}
        return [invalid(at, shown, "must be 'RollingUpdate' or 'OnDelete'")]
    found: list[Cause] = []
    if rolling is not None:
        found += not_negative(rolling, "partition", f"{at}.rollingUpdate")
        if "maxUnavailable" in rolling:
            value, where = rolling["maxUnavailable"], f"{at}.rollingUpdate.maxUnavailable"
            found += positive_count(value, where)
            if is_none(value):
                found.append(invalid(where, value, "cannot be 0"))
            found += at_most_all(value, where)
    return found


def _update(after: Json, before: Json) -> list[Cause]:
    def fixed(spec: Json) -> Json:
        return {k: v for k, v in spec.items() if k not in _CHANGEABLE}

    return [] if fixed(after) == fixed(before) else [forbidden("spec", _UPDATE_REFUSED)]


_CHANGEABLE: Final = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_UPDATE_REFUSED: Final = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
    "'minReadySeconds' are forbidden"
)
