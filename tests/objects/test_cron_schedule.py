"""When schedules fire, as robfig/cron has it; its own tests' cases are among these."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8slite.objects.cron_schedule import Fields, parse_schedule

NEW_YORK = "TZ=America/New_York "


def at(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "moment", "expected"),
    [
        ("0/15 * * * *", "2012-07-09T14:45", "2012-07-09T15:00"),
        ("0/15 * * * *", "2012-07-09T14:59:59", "2012-07-09T15:00"),
        ("20-35/15 * * * *", "2012-07-09T15:45", "2012-07-09T16:20"),
        ("20-35/15 * * * *", "2012-07-09T23:46", "2012-07-10T00:20"),
        ("20-35/15 1/2 * * *", "2012-07-09T23:46", "2012-07-10T01:20"),
        ("20-35/15 10-12 * * *", "2012-07-09T23:46", "2012-07-10T10:20"),
        ("20-35/15 1/2 */2 * *", "2012-07-09T23:46", "2012-07-11T01:20"),
        ("20-35/15 * 9-20 Jul *", "2012-07-09T23:46", "2012-07-10T00:20"),
        ("0 0 9 Apr-Oct ?", "2012-07-09T23:35", "2012-08-09T00:00"),
        ("0 0 */5 Apr,Aug,Oct Mon", "2012-07-09T23:35", "2012-08-01T00:00"),
        ("0 0 */5 Oct Mon", "2012-07-09T23:35", "2012-10-01T00:00"),
        ("0 0 * Feb Mon", "2012-07-09T23:35", "2013-02-04T00:00"),
        ("0 0 * Feb Mon/2", "2012-07-09T23:35", "2013-02-01T00:00"),
        ("0 0 1 1 *", "2012-12-31T23:59:45", "2013-01-01T00:00"),
        ("0 0 29 Feb ?", "2012-07-09T23:35", "2016-02-29T00:00"),
        ("0 0 13 * Fri", "2026-01-01", "2026-01-02T00:00"),
        ("0 0 30 Feb ?", "2012-07-09T23:35", None),
        ("0 0 31 Apr ?", "2012-07-09T23:35", None),
        ("@hourly", "2026-01-01T00:00:00.5", "2026-01-01T01:00"),
        ("@weekly", "2026-01-01", "2026-01-04"),
        ("@every 1h30m", "2026-01-01T00:00:10.7", "2026-01-01T01:30:10"),
        ("@every 5ms", "2026-01-01", "2026-01-01T00:00:01"),
        # What the change to summer time leaves out
        (NEW_YORK + "0 0 11 3 ?", "2012-03-11T00:00-05:00", "2013-03-11T00:00-04:00"),
        (NEW_YORK + "0 * * * ?", "2012-03-11T00:00-05:00", "2012-03-11T01:00-05:00"),
        (NEW_YORK + "0 * * * ?", "2012-03-11T01:00-05:00", "2012-03-11T03:00-04:00"),
        (NEW_YORK + "0 1 * * ?", "2012-03-11T01:00-05:00", "2012-03-12T01:00-04:00"),
        (NEW_YORK + "0 2 * * ?", "2012-03-11T00:00-05:00", "2012-03-12T02:00-04:00"),
        # What the change back brings twice
        (NEW_YORK + "30 2 04 Nov ?", "2012-11-04T00:00-04:00", "2012-11-04T02:30-05:00"),
        (NEW_YORK + "45 1 04 Nov ?", "2012-11-04T01:30-04:00", "2012-11-04T01:45-04:00"),
        (NEW_YORK + "0 * * * ?", "2012-11-04T00:00-04:00", "2012-11-04T01:00-04:00"),
        (NEW_YORK + "0 * * * ?", "2012-11-04T01:00-04:00", "2012-11-04T01:00-05:00"),
        (NEW_YORK + "0 * * * ?", "2012-11-04T01:00-05:00", "2012-11-04T02:00-05:00"),
        (NEW_YORK + "0 1 * * ?", "2012-11-04T01:00-04:00", "2012-11-04T01:00-05:00"),
        (NEW_YORK + "0 1 * * ?", "2012-11-04T01:00-05:00", "2012-11-05T01:00-05:00"),
        (NEW_YORK + "0 0 * * ?", "2012-11-04T00:00-04:00", "2012-11-05T00:00-05:00"),
        # Midnight does not exist
        ("TZ=America/Sao_Paulo 0 9 10 * ?", "2018-10-17T05:00", "2018-11-10T06:00-05:00"),
        ("TZ=America/Sao_Paulo 0 9 4 Nov ?", "2018-10-22T05:00-03:00", "2018-11-04T09:00-02:00"),
    ],
)
def test_next_time(schedule: str, moment: str, expected: str | None) -> None:
    found = parse_schedule(schedule).after(at(moment))
    assert found == (None if expected is None else at(expected))


MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1))


TEXTS = st.tuples(
    st.sampled_from(["*", "7", "*/20", "5-10"]),
    st.sampled_from(["*", "3", "22-23", "*/7"]),
    st.sampled_from(["*", "1", "28-31"]),
    st.sampled_from(["*", "2", "6-8"]),
    st.sampled_from(["*", "mon", "1-5", "?"]),
)


@given(MOMENTS, TEXTS)
def test_nothing_between_fits(naive: datetime, texts: tuple[str, ...]) -> None:
    """Against a look at every minute."""
    schedule = parse_schedule(" ".join(texts))
    assert isinstance(schedule, Fields)
    moment = naive.replace(tzinfo=UTC)
    found = schedule.after(moment)
    minute = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    for _ in range(1500):
        if found == minute:
            return
        days = minute.day in schedule.day.values, minute.isoweekday() % 7 in schedule.weekday.values
        either = schedule.day.star or schedule.weekday.star
        fits = (
            minute.minute in schedule.minute.values
            and minute.hour in schedule.hour.values
            and minute.month in schedule.month.values
            and (all(days) if either else any(days))
        )
        assert not fits
        minute += timedelta(minutes=1)
    assert found is None or found > minute - timedelta(minutes=1)


@pytest.mark.parametrize("schedule", ["@every x", "@often", "* * * *", "TZ=Mars/Base 0 * * * *"])
def test_what_is_no_schedule(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"duration|descriptor|fields|time zone"):
        parse_schedule(schedule)
