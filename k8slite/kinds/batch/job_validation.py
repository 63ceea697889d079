"""Jobs (upstream: `ValidateJob` and `ValidateJobUpdate` of `pkg/apis/batch/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.batch.policy_validation import validate_policies
from k8slite.kinds.core.controller_validation import not_negative, validate_match
from k8slite.kinds.core.pod_validation import validate_pod_template
from k8slite.kinds.core.selector_validation import validate_label_selector
from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, not_supported, required, too_long
from k8slite.objects.meta import has_condition
from k8slite.objects.metadata_validation import domain_prefixed, immutable
from k8slite.objects.names import is_dns1123_label
from k8slite.objects.selectors import selector_of

Json = dict[str, Any]

# Indexed Jobs note each index in their status.
_PARALLELISM_LIMIT: Final = 100_000
_FAILED_MOST: Final = 100_000
_MANY_COMPLETIONS: Final = 100_000
_LIMIT_OF_MANY: Final = 10_000  # of pods at once, and of failed indexes
_MANAGER_MOST: Final = 63


def validate_job(new: Json, old: Json | None) -> list[Cause]:
    """A Job, new or changed."""
    spec = new["spec"]
    found: list[Cause] = []
    if old is None and not spec.get("manualSelector") and spec.get("selector") is not None:
        found += _generated(new)
    found += validate_job_spec(spec, "spec")
    found += validate_label_selector(spec.get("selector"), "spec.selector")
    if spec.get("selector") is None:
        found.append(required("spec.selector"))
    try:
        selector = selector_of(spec.get("selector"))
    except ValueError:
        pass  # has been complained about above
    else:
        found += validate_match(spec["template"], selector, "spec.template")
    if old is not None:
        return found + _update(spec, old)
    completions, name = spec.get("completions") or 0, new["metadata"].get("name", "")
    host = f"{name}-{completions - 1}"
    if spec.get("completionMode") == "Indexed" and completions > 0 and is_dns1123_label(host):
        text = f"will not able to create pod with invalid DNS label: {host}"
        found.append(invalid("metadata.name", name, text))
    return found


def validate_job_spec(spec: Json, path: str) -> list[Cause]:
    """What a Job and a CronJob's template of one have in common."""
    found: list[Cause] = []
    for key in _COUNTS:
        found += not_negative(spec, key, path)
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        at = f"{path}.backoffLimitPerIndex"
        found.append(required(at, "when maxFailedIndexes is specified"))
    manager = spec.get("managedBy")
    if manager is not None:
        found += domain_prefixed(f"{path}.managedBy", manager)
        if len(manager.encode()) > _MANAGER_MOST:
            found.append(too_long(f"{path}.managedBy", _MANAGER_MOST))
    mode = spec.get("completionMode")
    if mode is not None:
        if mode not in ("Indexed", "NonIndexed"):
            at = f"{path}.completionMode"
            found.append(not_supported(at, mode, ("Indexed", "NonIndexed")))
        if mode == "Indexed":
            found += _indexed(spec, path)
    if mode in (None, "NonIndexed"):
        for key in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(key) is not None:
                text = "requires indexed completion mode"
                found.append(invalid(f"{path}.{key}", spec[key], text))
    found += validate_policies(spec, path)
    template = spec.get("template", {})
    found += validate_pod_template(template, f"{path}.template")
    policy = template.get("spec", {}).get("restartPolicy", "")
    at = f"{path}.template.spec.restartPolicy"
    if policy in ("", "Always"):
        found.append(required(at, 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        found.append(not_supported(at, policy, ("OnFailure", "Never")))
    elif policy != "Never" and spec.get("podFailurePolicy") is not None:
        text = 'only "Never" is supported when podFailurePolicy is specified'
        found.append(invalid(at, policy, text))
    return found


def _indexed(spec: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    completions, parallelism = spec.get("completions"), spec.get("parallelism")
    most, at = spec.get("maxFailedIndexes"), f"{path}.maxFailedIndexes"
    if completions is None:
        found.append(required(f"{path}.completions", "when completion mode is Indexed"))
    if parallelism is not None and parallelism > _PARALLELISM_LIMIT:
        text = f"must be less than or equal to {_PARALLELISM_LIMIT} when completion mode is Indexed"
        found.append(invalid(f"{path}.parallelism", parallelism, text))
    if most is not None and completions is not None and most > completions:
        found.append(invalid(at, most, "must be less than or equal to completions"))
    if most is not None and most > _FAILED_MOST:
        found.append(invalid(at, most, f"must be less than or equal to {_FAILED_MOST}"))
    if (completions or 0) > _MANY_COMPLETIONS and spec.get("backoffLimitPerIndex") is not None:
        if most is None:
            text = f"must be specified when completions is above {_MANY_COMPLETIONS}"
            found.append(required(at, text))
        for key in ("parallelism", "maxFailedIndexes"):
            value = spec.get(key)
            if value is not None and value > _LIMIT_OF_MANY:
                text = (
                    f"must be less than or equal to {_LIMIT_OF_MANY} when completions are above "
                    f"{_MANY_COMPLETIONS} and used with backoff limit per index"
                )
                found.append(invalid(f"{path}.{key}", value, text))
    return found


def _generated(job: Json) -> list[Cause]:
    """The labels that the server made are those that the Pods carry."""
    metadata, spec = job["metadata"], job["spec"]
    uid, name = metadata.get("uid", ""), metadata.get("name", "")
    labels = spec.get("template", {}).get("metadata", {}).get("labels", {})
    found: list[Cause] = []
    for key, value in (
        ("controller-uid", uid),
        ("batch.kubernetes.io/controller-uid", uid),
        ("job-name", name),
        ("batch.kubernetes.io/job-name", name),
    ):
        at = f"spec.template.metadata.labels[{key}]"
        if key not in labels:
            found.append(required(at, f"must be '{value}'"))
        elif labels[key] != value:
            found.append(invalid(at, dict(sorted(labels.items())), f"must be '{value}'"))
    expected = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    given = spec.get("selector")
    if given != expected:
        found.append(invalid("spec.selector", given, "`selector` not auto-generated"))
    return found


def _update(after: Json, old_job: Json) -> list[Cause]:
    before = old_job["spec"]
    found: list[Cause] = []
    completions, old = after.get("completions"), before.get("completions")
    if after.get("completionMode") != "Indexed":
        found += immutable("spec.completions", completions, old)
    elif completions not in (None, old, after.get("parallelism")):
        # An indexed Job grows and shrinks with its parallelism.
        text = "can only be modified in tandem with spec.parallelism"
        found.append(invalid("spec.completions", completions, text))
    found += immutable("spec.selector", after.get("selector"), before.get("selector"))
    template, old_template = after.get("template"), before.get("template")
    if _asleep(old_job):
        # While it sleeps, where its Pods go and what they ask for may be set.
        template, old_template = _movable(template), _movable(old_template)
    if template != old_template:
        found.append(invalid("spec.template", after.get("template"), "field is immutable"))
    for key in _FIXED:
        found += immutable(f"spec.{key}", after.get(key), before.get(key))
    return found


def _asleep(job: Json) -> bool:
    """Whether nothing of a Job runs: it has never started, or its last Pod is gone (upstream:
    `MutableSchedulingDirectivesForSuspendedJobs`)."""
    status = job.get("status") or {}
    if not job["spec"].get("suspend"):
        return False
    return not status.get("startTime") or (
        has_condition(job, "Suspended") and not status.get("active")
    )


def _movable(template: Json | None) -> Json:
    template = template or {}
    metadata = {
        k: v for k, v in template.get("metadata", {}).items() if k not in ("labels", "annotations")
    }
    spec = {k: v for k, v in template.get("spec", {}).items() if k not in _PLACEMENT}
    affinity = {k: v for k, v in (spec.pop("affinity", None) or {}).items() if k != "nodeAffinity"}
    if affinity:
        spec["affinity"] = affinity
    for group in ("containers", "initContainers"):
        if group in spec:
            spec[group] = [
                {k: v for k, v in container.items() if k != "resources"}
                for container in spec[group]
            ]
    return {"metadata": metadata, "spec": spec}


_COUNTS: Final = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
_FIXED: Final = (
    "completionMode",
    "podFailurePolicy",
    "backoffLimitPerIndex",
    "managedBy",
    "successPolicy",
)
_PLACEMENT: Final = ("nodeSelector", "schedulingGates", "tolerations")
