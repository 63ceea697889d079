"""What Jobs and CronJobs get where nothing was said, and the labels that a Job generates.

Mirrors `pkg/apis/batch/v1/defaults.go` and `pkg/registry/batch/job/strategy.go`: unless the author
chose the selector, a Job's Pods carry the Job's name and UID, in the old and the new spelling.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.pod_defaults import default_pod_template
from k8slite.kinds.core.status_defaults import keep_status

Json = dict[str, Any]

BACKOFF_LIMIT: Final = 6
# A Job that counts failures per index has no limit over all of them: Go's largest int32.
NO_BACKOFF_LIMIT: Final = 2**31 - 1


def default_job(job: Json) -> None:
    """Fill in a Job."""
    spec = job.setdefault("spec", {})
    template = spec.setdefault("template", {})
    default_pod_template(template)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = spec["parallelism"] = 1
    spec.setdefault("parallelism", 1)
    if "backoffLimit" not in spec:
        per_index = spec.get("backoffLimitPerIndex") is not None
        spec["backoffLimit"] = NO_BACKOFF_LIMIT if per_index else BACKOFF_LIMIT
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    failures = spec.get("podFailurePolicy")
    if failures is not None:
        for rule in failures.get("rules", ()):
            for pattern in rule.get("onPodConditions", ()):
                if not pattern.get("status"):
                    pattern["status"] = "True"
    if "podReplacementPolicy" not in spec:
        spec["podReplacementPolicy"] = "Failed" if failures is not None else "TerminatingOrFailed"
    spec.setdefault("manualSelector", False)
    labels = template["metadata"].get("labels")
    if labels and not job["metadata"].get("labels"):
        job["metadata"]["labels"] = dict(labels)
    job.setdefault("status", {})


def prepare_job(new: Json, old: Json | None) -> None:
    """A new Job that leaves its selector to the server gets one, and the labels for it."""
    keep_status(new, old)
    if old is None:
        if not new.setdefault("spec", {}).get("manualSelector"):
            _generate_selector(new)
    else:
        for key in ("manualSelector", "selector"):
            if key not in new.get("spec", {}) and key in old.get("spec", {}):
                new.setdefault("spec", {})[key] = old["spec"][key]


def default_cron_job(cron_job: Json) -> None:
    """Fill in a CronJob; the Job in it is filled in when it is made."""
    spec = cron_job.setdefault("spec", {})
    if not spec.get("concurrencyPolicy"):
        spec["concurrencyPolicy"] = "Allow"
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    job = spec.setdefault("jobTemplate", {})
    job.setdefault("metadata", {})
    default_pod_template(job.setdefault("spec", {}).setdefault("template", {}))
    cron_job.setdefault("status", {})


def _generate_selector(job: Json) -> None:
    spec, metadata = job["spec"], job["metadata"]
    uid = metadata.get("uid", "")
    template = spec.setdefault("template", {}).setdefault("metadata", {})
    labels = template.setdefault("labels", {})
    # What the author wrote there stays, so that validation can name the conflict.
    for key in ("controller-uid", "batch.kubernetes.io/controller-uid"):
        labels.setdefault(key, uid)
    for key in ("job-name", "batch.kubernetes.io/job-name"):
        labels.setdefault(key, metadata.get("name", ""))
    selector = spec.setdefault("selector", {}).setdefault("matchLabels", {})
    selector.setdefault("batch.kubernetes.io/controller-uid", uid)
