"""What a Job's status may say, whoever writes it (upstream: `ValidateJobUpdateStatus` of
`pkg/apis/batch/validation`). Most rules speak only when what they are about has changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from k8slite.kinds.batch.policy_validation import count_indexes, without_value
from k8slite.kinds.core.controller_validation import not_negative
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, invalid, required
from k8slite.objects.meta import has_condition

Json = dict[str, Any]

_CONDITIONS: Final = "status.conditions"


def validate_job_status(new: Json, old: Json | None) -> list[Cause]:
    """A Job whose status is being written."""
    assert old is not None, "a status is written into what is there"
    return [
        *_numbers(new),
        *_conditions(new),
        *_ended(new, old),
        *_indexes(new, old),
        *_updated(new, old),
    ]


def _numbers(new: Json) -> Iterator[Cause]:
    status = new.get("status") or {}
    for key in ("active", "succeeded", "failed", "ready", "terminating"):
        yield from not_negative(status, key, "status")
    ready = status.get("ready") or 0
    if ready > max(0, status.get("active") or 0):
        yield invalid("status.ready", ready, "cannot set more ready pods than active")
    seen: list[str] = []
    uncounted = status.get("uncountedTerminatedPods") or {}
    for key in ("succeeded", "failed"):
        for number, uid in enumerate(uncounted.get(key) or ()):
            at = f"status.uncountedTerminatedPods.{key}[{number}]"
            if not uid:
                yield invalid(at, uid, "must not be empty")
            elif uid in seen:
                yield duplicate(at, uid)
            seen.append(uid)


def _conditions(new: Json) -> Iterator[Cause]:
    complete, failed = has_condition(new, "Complete"), has_condition(new, "Failed")
    target, met = has_condition(new, "FailureTarget"), has_condition(new, "SuccessCriteriaMet")
    for holds, text in (
        (complete and failed, "cannot set Complete=True and Failed=true conditions"),
        (complete and target, "cannot set Complete=True and FailureTarget=true conditions"),
        (
            failed and not target,
            "cannot set Failed=True condition without the FailureTarget=true condition",
        ),
        (
            complete and not met,
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        ),
        (met and failed, "cannot set SuccessCriteriaMet=True and Failed=true conditions"),
        (met and target, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"),
    ):
        if holds:
            yield without_value(_CONDITIONS, text)


def _ended(new: Json, old: Json) -> Iterator[Cause]:
    """Rules for what is over."""
    status, before = new.get("status") or {}, old.get("status") or {}
    if status == before:
        return
    complete = has_condition(new, "Complete")
    start, end = status.get("startTime"), status.get("completionTime")
    if end and not complete:
        text = "cannot set completionTime when there is no Complete=True condition"
        yield invalid("status.completionTime", end, text)
    if complete and not end:
        yield required("status.completionTime", "completionTime is required for Complete jobs")
    if start and end and end < start:
        text = "completionTime cannot be set before startTime"
        yield invalid("status.completionTime", end, text)
    if not complete and not has_condition(new, "Failed"):
        return
    for key in ("active", "terminating"):
        if status.get(key, 0) > 0:
            yield invalid(f"status.{key}", status[key], f"{key}>0 is invalid for finished job")
    if not start and not (new["spec"].get("suspend") and new["spec"].get("completions") == 0):
        yield required("status.startTime", "startTime is required for finished job")
    uncounted = status.get("uncountedTerminatedPods") or {}
    if any(uncounted.values()):
        text = "uncountedTerminatedPods needs to be empty for finished job"
        yield invalid("status.uncountedTerminatedPods", uncounted, text)


def _indexes(new: Json, old: Json) -> Iterator[Cause]:
    spec, status, before = new["spec"], new.get("status") or {}, old.get("status") or {}
    completed, failed = status.get("completedIndexes", ""), status.get("failedIndexes")
    if completed != before.get("completedIndexes", ""):
        at = "status.completedIndexes"
        if completed and spec.get("completionMode") != "Indexed":
            text = "cannot set non-empty completedIndexes when non-indexed completion mode"
            yield invalid(at, completed, text)
        yield from _readable(at, completed, spec)
    if failed is not None and failed != before.get("failedIndexes"):
        at = "status.failedIndexes"
        if spec.get("backoffLimitPerIndex") is None:
            text = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
            yield invalid(at, failed, text)
        yield from _readable(at, failed, spec)


def _readable(path: str, text: str, spec: Json) -> Iterator[Cause]:
    completions = spec.get("completions")
    if completions is None:
        return
    try:
        count_indexes(text, completions)
    except ValueError as error:
        yield invalid(path, text, f"error parsing {path.rpartition('.')[2]}: {error}")


def _updated(new: Json, old: Json) -> Iterator[Cause]:
    """Rules for what was there before."""
    spec, status, before = new["spec"], new.get("status") or {}, old.get("status") or {}
    for kind in ("Failed", "Complete", "FailureTarget"):
        if has_condition(old, kind) and not has_condition(new, kind):
            yield without_value(_CONDITIONS, f"cannot disable the terminal {kind}=True condition")
    if has_condition(old, "SuccessCriteriaMet") and not has_condition(new, "SuccessCriteriaMet"):
        yield without_value(_CONDITIONS, "cannot disable the SuccessCriteriaMet=True condition")
    if status.get("failed", 0) < before.get("failed", 0):
        text = "cannot decrease the failed counter"
        yield invalid("status.failed", status.get("failed", 0), text)
    indexed = spec.get("completionMode") == "Indexed"  # whose completions may become fewer
    if not indexed and status.get("succeeded", 0) < before.get("succeeded", 0):
        text = "cannot decrease the succeeded counter"
        yield invalid("status.succeeded", status.get("succeeded", 0), text)
    ends = status.get("completionTime"), before.get("completionTime")
    if all(ends) and ends[0] != ends[1]:
        yield invalid("status.completionTime", ends[0], "completionTime cannot be mutated")
    start = before.get("startTime")
    resumed = has_condition(old, "Suspended") and not has_condition(new, "Suspended")
    if start and status.get("startTime") != start and not spec.get("suspend") and not resumed:
        yield required("status.startTime", "startTime cannot be removed for unsuspended job")
