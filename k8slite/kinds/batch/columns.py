"""How jobs and cron jobs are printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    age,
    ago,
    containers_and_images,
    described,
    go_bool,
    is_true,
    items,
    name,
    part,
    selector,
    table,
)
from k8slite.kinds.kind import Column, Json, Table
from k8slite.objects.duration import human_duration
from k8slite.objects.meta import parse_timestamp


def _job(obj: Json, now: datetime) -> list[Any]:
    spec = part(obj, "spec")
    return [
        name(obj),
        _state(obj),
        _completions(spec, part(obj, "status").get("succeeded") or 0),
        _duration(part(obj, "status"), now),
        age(obj, now),
        *containers_and_images(part(spec, "template", "spec")),
        selector(spec.get("selector")),
    ]


def _state(obj: Json) -> str:
    conditions = items(part(obj, "status"), "conditions")
    if is_true(conditions, "Complete"):
        return "Complete"
    if is_true(conditions, "Failed"):
        return "Failed"
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    if is_true(conditions, "Suspended"):
        return "Suspended"
    return "FailureTarget" if is_true(conditions, "FailureTarget") else "Running"


def _completions(spec: Mapping[str, Any], succeeded: int) -> str:
    wanted = spec.get("completions")
    if wanted is not None:
        return f"{succeeded}/{wanted}"
    parallelism = spec.get("parallelism") or 0
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _duration(status: Mapping[str, Any], now: datetime) -> str:
    began, ended = status.get("startTime"), status.get("completionTime")
    if not began:
        return ""
    return human_duration((parse_timestamp(ended) if ended else now) - parse_timestamp(began))


def _cron_job(obj: Json, now: datetime) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    job = part(spec, "jobTemplate", "spec")
    zone, last = spec.get("timeZone"), status.get("lastScheduleTime")
    return [
        name(obj),
        spec.get("schedule") or "",
        "<none>" if zone is None else zone,
        go_bool(spec.get("suspend")),
        len(items(status, "active")),
        ago(last, now) if last else "<none>",
        age(obj, now),
        *containers_and_images(part(job, "template", "spec")),
        selector(job.get("selector")),
    ]


_SELECTOR: Final = described("Selector", "batch.v1.JobSpec", "selector", priority=1)

TABLES: Final[Mapping[str, Table]] = {
    "cronjobs": table(
        _cron_job,
        NAME,
        described("Schedule", "batch.v1.CronJobSpec", "schedule"),
        described("Timezone", "batch.v1.CronJobSpec", "timeZone"),
        described("Suspend", "batch.v1.CronJobSpec", "suspend", "boolean"),
        described("Active", "batch.v1.CronJobStatus", "active", "integer"),
        described("Last Schedule", "batch.v1.CronJobStatus", "lastScheduleTime"),
        AGE,
        CONTAINERS,
        IMAGES,
        _SELECTOR,
    ),
    "jobs": table(
        _job,
        NAME,
        Column("Status", description="Status of the job."),
        described("Completions", "batch.v1.JobStatus", "succeeded"),
        Column("Duration", description="Time required to complete the job."),
        AGE,
        CONTAINERS,
        IMAGES,
        _SELECTOR,
    ),
}
