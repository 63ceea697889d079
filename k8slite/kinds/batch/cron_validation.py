"""CronJobs and their schedules.

Mirrors `ValidateCronJob` of `pkg/apis/batch/validation`; a schedule is refused in the words of the
parser that upstream uses (`robfig/cron`).
"""

from __future__ import annotations

import re
from typing import Any, Final

from k8slite.kinds.batch.job_validation import validate_job_spec
from k8slite.kinds.core.controller_validation import not_negative
from k8slite.objects.cron_schedule import parse_schedule, time_zone
from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, not_supported, required

Json = dict[str, Any]

# A Job's name is the CronJob's with eleven characters more, and goes into a label.
_NAME_LIMIT: Final = 52


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
        may_name_zone = old is not None and "TZ" in old["spec"].get("schedule", "")
        if "TZ" in schedule and not may_name_zone:
            text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            found.append(invalid("spec.schedule", schedule, text))
        elif "TZ" in schedule and spec.get("timeZone") is not None:
            text = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
            found.append(invalid("spec.schedule", schedule, text))
    found += not_negative(spec, "startingDeadlineSeconds", "spec")
    zone = spec.get("timeZone")
    if zone is not None and (old is None or old["spec"].get("timeZone") != zone):
        found += _time_zone(zone)
    policy = spec.get("concurrencyPolicy", "")
    if policy not in _POLICIES:
        found.append(not_supported("spec.concurrencyPolicy", policy, _POLICIES))
    job, at = (spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec"
    found += validate_job_spec(job, at)
    if job.get("selector") is not None:
        text = "`selector` will be auto-generated"
        found.append(invalid(f"{at}.selector", job["selector"], text))
    if job.get("manualSelector"):
        found.append(not_supported(f"{at}.manualSelector", True, ("nil", "false")))
    for key in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        found += not_negative(spec, key, "spec")
    name = new["metadata"].get("name", "")
    if old is None and len(name) > _NAME_LIMIT:
        text = f"must be no more than {_NAME_LIMIT} characters"
        found.append(invalid("metadata.name", name, text))
    return found


def schedule_complaint(schedule: str) -> str:
    """Why a schedule cannot be read, or ""."""
    try:
        parse_schedule(schedule)
    except ValueError as error:
        return str(error)
    return ""


def _time_zone(name: str) -> list[Cause]:
    """Upstream: `validateTimeZone`."""
    if name == "":
        return [invalid("spec.timeZone", name, "timeZone must be nil or non-empty string")]
    if not all(_ZONE_PART.fullmatch(part) for part in name.split("/")):
        return [invalid("spec.timeZone", name, f"unknown time zone {name}")]
    if name.lower() == "local":
        text = (
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        )
        return [invalid("spec.timeZone", name, text)]
    try:
        time_zone(name)
    except ValueError as error:
        return [invalid("spec.timeZone", name, str(error))]
    return []


# Not `.` and `..`, and nothing that begins like an option.
_ZONE_PART: Final = re.compile(r"(?!-)(?!\.{1,2}$)[A-Za-z._0-9+-]{1,14}", re.ASCII)
_POLICIES: Final = ("Allow", "Forbid", "Replace")
