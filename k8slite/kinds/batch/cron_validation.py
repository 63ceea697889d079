"""CronJobs and their schedules.

Mirrors `ValidateCronJob` of `pkg/apis/batch/validation`; a schedule is refused in the words of the
parser that upstream uses (`robfig/cron`).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from k8slite.kinds.batch.job_validation import validate_job_spec
from k8slite.kinds.core.controller_validation import not_negative
from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, not_supported, required
from k8slite.objects.metadata_validation import validate_annotations, validate_labels

Json = dict[str, Any]

# A Job's name is the CronJob's with eleven characters more, and goes into a label.
_NAME_LIMIT: Final = 52


class _Field(NamedTuple):
    low: int
    high: int
    names: tuple[str, ...] = ()


def validate_cron_job(new: Json, old: Json | None) -> list[Cause]:
    """A CronJob."""
    spec = new["spec"]
    found: list[Cause] = []
    schedule = spec.get("schedule", "")
    if not schedule:
        found.append(required("spec.schedule"))
    else:
        wrong = schedule_complaint(schedule)
        if wrong:
            found.append(invalid("spec.schedule", schedule, wrong))
        if "TZ" in schedule and (old is None or old["spec"].get("schedule") != schedule):
            text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            found.append(invalid("spec.schedule", schedule, text))
    found += not_negative(spec, "startingDeadlineSeconds", "spec")
    if spec.get("timeZone") == "":
        text = "must be nil or non-empty string"
        found.append(invalid("spec.timeZone", "", text))
    policy = spec.get("concurrencyPolicy", "")
    if policy not in _POLICIES:
        found.append(not_supported("spec.concurrencyPolicy", policy, _POLICIES))
    template = spec.get("jobTemplate", {})
    metadata = template.get("metadata", {})
    found += validate_labels(metadata.get("labels"), "spec.jobTemplate.labels")
    found += validate_annotations(metadata.get("annotations"), "spec.jobTemplate.annotations")
    job = template.get("spec", {})
    if job.get("manualSelector"):
        text = "Unsupported value: true"
        found.append(Cause("FieldValueNotSupported", text, "spec.jobTemplate.spec.manualSelector"))
    found += validate_job_spec(job, "spec.jobTemplate.spec")
    for key in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        found += not_negative(spec, key, "spec")
    name = new["metadata"].get("name", "")
    if old is None and len(name) > _NAME_LIMIT:
        text = f"must be no more than {_NAME_LIMIT} characters"
        found.append(invalid("metadata.name", name, text))
    return found


def schedule_complaint(schedule: str) -> str:
    """Why a schedule cannot be read, or ""."""
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        schedule = schedule.partition(" ")[2].strip()
    if schedule.startswith("@"):
        if schedule in _DESCRIPTORS or schedule.startswith("@every "):
            return ""
        return f"unrecognized descriptor: {schedule}"
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        return f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
    for text, field in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            wrong = _range(part, field)
            if wrong:
                return wrong
    return ""


def _range(text: str, field: _Field) -> str:
    bounds, *steps = text.split("/")
    low_text, *rest = bounds.split("-")
    if len(rest) > 1:
        return f"too many hyphens: {text}"
    if len(steps) > 1:
        return f"too many slashes: {text}"
    if low_text in ("*", "?"):
        low, high = field.low, field.high
    else:
        numbers = []
        for one in (low_text, *rest):
            number, wrong = _number(one, field)
            if wrong:
                return wrong
            numbers.append(number)
        low, high = numbers[0], numbers[-1]
        if steps and not rest:
            high = field.high
    if steps:
        step, wrong = _number(steps[0], _Field(0, 0))
        if wrong:
            return wrong
        if step == 0:
            return f"step of range should be a positive number: {text}"
    if low < field.low:
        return f"beginning of range ({low}) below minimum ({field.low}): {text}"
    if high > field.high:
        return f"end of range ({high}) above maximum ({field.high}): {text}"
    if low > high:
        return f"beginning of range ({low}) beyond end of range ({high}): {text}"
    return ""


def _number(text: str, field: _Field) -> tuple[int, str]:
    if text.lower() in field.names:
        return field.names.index(text.lower()) + field.low, ""
    try:
        number = int(text)
    except ValueError:
        reason = f'strconv.Atoi: parsing "{text}": invalid syntax'
        return 0, f"failed to parse int from {text}: {reason}"
    if number < 0:
        return 0, f"negative number ({number}) not allowed: {text}"
    return number, ""


_POLICIES: Final = ("Allow", "Forbid", "Replace")
_DESCRIPTORS: Final = (
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
)
_MONTHS: Final = (
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
)
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final = (
    _Field(0, 59),
    _Field(0, 23),
    _Field(1, 31),
    _Field(1, 12, _MONTHS),
    _Field(0, 6, _DAYS),
)
