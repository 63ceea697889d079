"""Which times of a CronJob's schedule were missed, and when to look again (upstream:
`pkg/controller/cronjob/utils.go`). Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from k8slite.kinds.batch.models import CronJob
from k8slite.objects.cron_schedule import Schedule, parse_schedule, time_zone

# More than that is a sign of clocks that differ, or of a long night.
MISSED_MOST: Final = 100
# How long after a scheduled time to look, so as not to come too early (upstream's
# nextScheduleDelta).
AFTER_SECONDS: Final = 0.1


@frozen
class Missed:
    """The times between the last known one and now."""

    earliest: datetime  # where the search began
    latest: datetime | None = None  # the last time that has passed
    number: int = 0  # roughly


def schedule_of(cron_job: CronJob) -> Schedule:
    """A CronJob's schedule in its time zone. Raises ValueError."""
    spec = cron_job.spec
    if spec.time_zone is None or "TZ" in spec.schedule:
        return parse_schedule(spec.schedule)
    try:
        time_zone(spec.time_zone)
    except ValueError:
        return parse_schedule(spec.schedule)
    return parse_schedule(f"TZ={spec.time_zone} {spec.schedule}")


def missed(cron_job: CronJob, schedule: Schedule, now: datetime, *, in_time: bool = True) -> Missed:
    """What was missed; `in_time`: only what the starting deadline still allows.

    Raises ValueError for a schedule that has no two times. The number is found as upstream does
    it: how often the distance of the first two times fits in, so that nobody has to count years
    of minutes.
    """
    earliest = cron_job.status.last_schedule_time or cron_job.metadata.creation_timestamp or now
    deadline_seconds = cron_job.spec.starting_deadline_seconds
    if in_time and deadline_seconds is not None:
        earliest = max(earliest, now - timedelta(seconds=deadline_seconds))
    first = schedule.after(earliest)
    second = schedule.after(first) if first is not None else None
    if first is None or second is None:
        raise ValueError("time difference between two schedules is less than 1 second")
    if now < first:
        return Missed(earliest)
    if now < second:
        return Missed(earliest, first)
    distance = second - first
    number = (now - first) // distance + 1
    latest: datetime | None = None
    moment = schedule.after(first + (number - 2) * distance)
    while moment is not None and moment <= now:
        latest = moment
        moment = schedule.after(moment)
    return Missed(earliest, latest, number)


def until_next_seconds(cron_job: CronJob, schedule: Schedule, now: datetime) -> float | None:
    """How long until there is something to do; None for never."""
    try:
        found = missed(cron_job, schedule, now, in_time=False)
    except ValueError:
        found = Missed(now)
    # Where times were missed but none is the latest, the search goes on from now.
    since = found.latest or (now if found.number else found.earliest)
    coming = schedule.after(since)
    if coming is None:
        return None
    return (coming - now).total_seconds() + AFTER_SECONDS
