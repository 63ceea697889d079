"""ReplicationControllers and stored PodTemplates, and what controllers of Pods share.

Mirrors `ValidateReplicationControllerSpec` and `ValidatePodTemplateSpecForRC`; the rules for a
template behind a selector serve `apps` too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from k8slite.kinds.core.pod_validation import validate_pod_template
from k8slite.kinds.core.selector_validation import validate_label_selector
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.metadata_validation import NOT_NEGATIVE
from k8slite.objects.selectors import Selector, selector_of, selector_of_labels

Json = dict[str, Any]

UNMATCHED = "`selector` does not match template `labels`"


def validate_replication_controller(new: Json, _old: Json | None) -> list[Cause]:
    """A ReplicationController."""
    spec = new["spec"]
    found = not_negative(spec, "minReadySeconds", "spec")
    labels = spec.get("selector")
    if not labels:
        found.append(required("spec.selector"))
    found += not_negative(spec, "replicas", "spec")
    template = spec.get("template")
    if template is None:
        found.append(required("spec.template"))
        return found
    selector = selector_of_labels(labels) if labels else None
    found += validate_served_template(template, selector, "spec.template", "ReplicationController")
    return found


def validate_stored_template(new: Json, _old: Json | None) -> list[Cause]:
    """A PodTemplate."""
    return validate_pod_template(new.get("template", {}), "template")


def validate_replica_status(new: Json, _old: Json | None) -> list[Cause]:
    """The counts in the status of a ReplicationController or ReplicaSet."""
    status = new.get("status", {})
    counts = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    found = not_negative_counts(status, (*counts, "observedGeneration", "terminatingReplicas"))
    return found + at_most_replicas(status, counts[1:])


def not_negative_counts(status: Json, keys: Iterable[str]) -> list[Cause]:
    """Counts of a status."""
    return [one for key in keys for one in not_negative(status, key, "status")]


def at_most_replicas(
    status: Json, keys: Iterable[str], *, ready: str = "readyReplicas"
) -> list[Cause]:
    """Counts of some of all replicas; `ready` is what those that are available are among."""
    total = status.get("replicas", 0)
    found = [
        invalid(f"status.{key}", status[key], "cannot be greater than status.replicas")
        for key in keys
        if status.get(key, 0) > total
    ]
    if status.get("availableReplicas", 0) > status.get("readyReplicas", 0):
        text = f"cannot be greater than {ready}"
        found.append(invalid("status.availableReplicas", status["availableReplicas"], text))
    return found


def not_decremented(new: Json, old: Json | None) -> list[Cause]:
    """The count of colliding names in a status only grows."""
    before = ((old or {}).get("status") or {}).get("collisionCount")
    count = (new.get("status") or {}).get("collisionCount")
    if before is None or (count is not None and count >= before):
        return []
    return [invalid("status.collisionCount", count or 0, "cannot be decremented")]


def validate_served_template(
    template: Json, selector: Selector | None, path: str, kind: str
) -> list[Cause]:
    """A template of Pods that run for ever, and that a selector must find.

    `selector` is None where there is none to match; `kind` is whose template it is.
    """
    found: list[Cause] = []
    if selector is not None and not selector.empty:
        found += validate_match(template, selector, path)
    found += validate_pod_template(template, path)
    return found + validate_endless(template, path, kind)


def validate_match(template: Json, selector: Selector, path: str) -> list[Cause]:
    """The selector finds Pods of the template."""
    labels = template.get("metadata", {}).get("labels")
    if selector.matches(labels or {}):
        return []
    shown = dict(sorted(labels.items())) if labels else None
    return [invalid(f"{path}.metadata.labels", shown, UNMATCHED)]


def validate_endless(template: Json, path: str, kind: str) -> list[Cause]:
    """The template's Pods are restarted always and have no deadline."""
    found: list[Cause] = []
    spec = template.get("spec", {})
    policy = spec.get("restartPolicy", "")
    if policy != "Always":
        found.append(not_supported(f"{path}.spec.restartPolicy", policy, ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        text = f"activeDeadlineSeconds in {kind} is not Supported"
        found.append(forbidden(f"{path}.spec.activeDeadlineSeconds", text))
    return found


def validate_selector(
    spec: Json, path: str, empty: str, *, unreadable: str = "invalid label selector"
) -> tuple[Selector | None, list[Cause]]:
    """A controller's selector as a value, if it is one, and the complaints about it.

    `empty` is the text for one that selects everything, `unreadable` for one that is none.
    """
    given = spec.get("selector")
    at = f"{path}.selector"
    if given is None:
        return selector_of(None), [required(at)]
    found = validate_label_selector(given, at)
    if not given.get("matchLabels") and not given.get("matchExpressions"):
        found.append(invalid(at, given, empty))
    try:
        return selector_of(given), found
    except ValueError:
        return None, [*found, invalid(at, given, unreadable)]


def not_negative(parent: Json, key: str, path: str) -> list[Cause]:
    """A count that is absent or not negative."""
    value = parent.get(key)
    if value is None or value >= 0:
        return []
    return [invalid(f"{path}.{key}", value, NOT_NEGATIVE)]
