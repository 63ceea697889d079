"""Schedules as CronJobs write them, read and followed as upstream's `robfig/cron` does.

Five fields (minute, hour, day of month, month, day of week; lists, ranges, steps, names), a macro
such as @hourly, or "@every 1h30m", each after "TZ=..." if it is not in UTC. Where both days are
restricted, either is enough. Times that a change of the clocks leaves out are skipped, those that
it brings twice happen twice. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from attrs import frozen

from k8slite.objects.go_duration import SECOND, nanoseconds_of

# A schedule with no time within so many years has none.
YEARS_MOST: Final = 5
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)


class Schedule(Protocol):
    """When something is to happen."""

    def after(self, moment: datetime) -> datetime | None:
        """The next time later than a moment, in UTC; None if there is none."""
        ...


def parse_schedule(text: str) -> Schedule:
    """Read a schedule. Raises ValueError with what upstream's parser says."""
    zone: tzinfo = UTC
    if text.startswith(("TZ=", "CRON_TZ=")):
        name, _, text = text.partition(" ")
        zone = time_zone(name.partition("=")[2])
        text = text.strip()
    if text.startswith("@"):
        if text.startswith("@every "):
            return Every(_go_duration(text.removeprefix("@every ")))
        if text not in _MACROS:
            raise ValueError(f"unrecognized descriptor: {text}")
        text = _MACROS[text]
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")
    read = [_read_field(part, field) for part, field in zip(parts, _FIELDS, strict=True)]
    minute, hour, day, month, weekday = read
    return Fields(minute, hour, day, month, weekday, zone)


def time_zone(name: str) -> tzinfo:
    """The zone of that name. Raises ValueError for one that nobody knows."""
    if name in ("", "UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name}") from error


@frozen
class Every:
    """Always the same time apart."""

    delay: timedelta  # whole seconds

    def after(self, moment: datetime) -> datetime | None:
        return moment.replace(microsecond=0) + self.delay


class Values(NamedTuple):
    """What a field allows, and whether it was a mere star."""

    values: frozenset[int]  # only looked up
    star: bool


@frozen
class Fields:
    """At certain minutes of certain hours of certain days."""

    minute: Values
    hour: Values
    day: Values
    month: Values
    weekday: Values
    zone: tzinfo = UTC

    def after(self, moment: datetime) -> datetime | None:
        """Field by field from the month down to the minute, each put forward until it fits; where
        one runs over, all are looked at again."""
        found = self._start_of(moment.astimezone(UTC), "minute") + _MINUTE
        last_year = self._local(found).year + YEARS_MOST
        began = False  # whether the smaller fields have been set back
        steps: Sequence[tuple[Callable[[datetime], bool], str]] = (
            (lambda local: local.month in self.month.values, "month"),
            (self._day_fits, "day"),
            (lambda local: local.hour in self.hour.values, "hour"),
            (lambda local: local.minute in self.minute.values, "minute"),
        )
        while self._local(found).year <= last_year:
            for fits, unit in steps:
                over = False
                while not over and not fits(self._local(found)):
                    if not began:
                        found, began = self._start_of(found, unit), True
                    found = self._next(found, unit)
                    over = self._ran_over(found, unit)
                if over:
                    break
            else:
                return found
        return None

    def _day_fits(self, local: datetime) -> bool:
        of_month = local.day in self.day.values
        of_week = local.isoweekday() % 7 in self.weekday.values
        if self.day.star or self.weekday.star:
            return of_month and of_week
        return of_month or of_week

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)

    def _start_of(self, moment: datetime, unit: str) -> datetime:
        if unit == "minute":
            return moment.replace(second=0, microsecond=0)
        local = self._local(moment).replace(minute=0, second=0, tzinfo=None, fold=0)
        if unit in ("day", "month"):
            local = local.replace(hour=0)
        if unit == "month":
            local = local.replace(day=1)
        return _instant(local, self.zone)

    def _next(self, moment: datetime, unit: str) -> datetime:
        if unit == "minute":
            return moment + _MINUTE
        if unit == "hour":
            return moment + _HOUR
        local = self._local(moment).replace(tzinfo=None, fold=0)
        if unit == "month":
            year, month = divmod(local.year * 12 + local.month, 12)
            return _instant(local.replace(year=year, month=month + 1), self.zone)
        found = _instant(local + timedelta(days=1), self.zone)
        # There may be no midnight on a day on which clocks change.
        hour = self._local(found).hour
        return found + (24 - hour if hour > 12 else -hour) * _HOUR

    def _ran_over(self, moment: datetime, unit: str) -> bool:
        local = self._local(moment)
        if unit == "month":
            return local.month == 1
        if unit == "day":
            return local.day == 1
        return local.hour == 0 if unit == "hour" else local.minute == 0


def _instant(local: datetime, zone: tzinfo) -> datetime:
    """The instant of a local time, as Go's `time.Date` chooses it where there is none or two."""
    as_utc = local.replace(tzinfo=UTC)
    offset = as_utc.astimezone(zone).utcoffset() or timedelta()
    there = (as_utc - offset).astimezone(zone).utcoffset() or timedelta()
    return as_utc - there


class _Field(NamedTuple):
    low: int
    high: int
    names: tuple[str, ...] = ()


def _read_field(text: str, field: _Field) -> Values:
    values: set[int] = set()
    star = False
    for part in text.split(","):
        found, starred = _read_range(part, field)
        values.update(found)
        star = star or starred
    return Values(frozenset(values), star)


def _read_range(text: str, field: _Field) -> tuple[range, bool]:
    bounds, *steps = text.split("/")
    low_text, *rest = bounds.split("-")
    if len(rest) > 1:
        raise ValueError(f"too many hyphens: {text}")
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {text}")
    star = low_text in ("*", "?")
    if star:
        low, high = field.low, field.high
    else:
        numbers = [_number(one, field) for one in (low_text, *rest)]
        low, high = numbers[0], numbers[-1]
        if steps and not rest:
            high = field.high
    step = 1
    if steps:
        step = _number(steps[0], _Field(0, 0))
        if step == 0:
            raise ValueError(f"step of range should be a positive number: {text}")
    if low < field.low:
        raise ValueError(f"beginning of range ({low}) below minimum ({field.low}): {text}")
    if high > field.high:
        raise ValueError(f"end of range ({high}) above maximum ({field.high}): {text}")
    if low > high:
        raise ValueError(f"beginning of range ({low}) beyond end of range ({high}): {text}")
    return range(low, high + 1, step), star and step == 1


def _number(text: str, field: _Field) -> int:
    if text.lower() in field.names:
        return field.names.index(text.lower()) + field.low
    try:
        number = int(text)
    except ValueError:
        reason = f'strconv.Atoi: parsing "{text}": invalid syntax'
        raise ValueError(f"failed to parse int from {text}: {reason}") from None
    if number < 0:
        raise ValueError(f"negative number ({number}) not allowed: {text}")
    return number


def _go_duration(text: str) -> timedelta:
    """A duration as Go writes it, in whole seconds, of which there is at least one."""
    try:
        nanoseconds = nanoseconds_of(text)
    except ValueError as error:
        raise ValueError(f"failed to parse duration @every {text}: {error}") from None
    return timedelta(seconds=max(1, nanoseconds // SECOND))


_MACROS: Final[Mapping[str, str]] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS: Final = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final = (
    _Field(0, 59),
    _Field(0, 23),
    _Field(1, 31),
    _Field(1, 12, _MONTHS),
    _Field(0, 6, _DAYS),
)
