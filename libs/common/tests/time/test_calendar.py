"""Days, months and quarters hold in every zone, daylight saving time included."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.time.calendar import (
    MONTH,
    UnknownZone,
    add_months,
    at_local,
    day_period,
    day_start,
    end_of_month,
    local_date,
    month_period,
    months_period,
    noon,
    quarter_period,
    start_of_month,
    two_month_period,
    zone_named,
)

NEW_YORK, SHANGHAI, HAVANA, APIA = (
    ZoneInfo(name) for name in ("America/New_York", "Asia/Shanghai", "America/Havana", "Pacific/Apia")
)
ZONES = st.sampled_from([NEW_YORK, SHANGHAI, HAVANA, APIA, ZoneInfo("Europe/London"), ZoneInfo("Australia/Lord_Howe")])
DAYS = st.dates(date(1990, 1, 1), date(2037, 12, 31))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        pytest.param("2025-03-05T15:59:59", SHANGHAI, date(2025, 3, 5), id="the last second of a day in Shanghai"),
        pytest.param("2025-03-05T16:00:00", SHANGHAI, date(2025, 3, 6), id="midnight belongs to the new day"),
        pytest.param("2025-01-01T04:59:59", NEW_YORK, date(2024, 12, 31), id="still last year in New York"),
    ],
)
def test_an_instant_has_the_date_that_the_shop_sees(instant: str, zone: ZoneInfo, day: date) -> None:
    """XCT-020."""
    assert local_date(utc(instant), zone) == day


def test_a_naive_datetime_is_no_instant() -> None:
    with pytest.raises(ValueError, match="aware"):
        local_date(datetime(2025, 1, 1), NEW_YORK)


@pytest.mark.parametrize(
    ("day", "zone", "start", "hours"),
    [
        pytest.param(date(2025, 3, 8), NEW_YORK, "2025-03-08T05:00:00", 24, id="an ordinary day"),
        pytest.param(date(2025, 3, 9), NEW_YORK, "2025-03-09T05:00:00", 23, id="clocks go forward"),
        pytest.param(date(2025, 11, 2), NEW_YORK, "2025-11-02T04:00:00", 25, id="clocks go back"),
        pytest.param(date(2025, 3, 9), HAVANA, "2025-03-09T05:00:00", 23, id="Havana skips midnight itself"),
        pytest.param(date(2011, 12, 30), APIA, "2011-12-30T10:00:00", 0, id="Samoa had no 30 December 2011"),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(day: date, zone: ZoneInfo, start: str, hours: int) -> None:
    period = day_period(day, zone)
    assert period.start == utc(start)
    assert period.end - period.start == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("wall", "instant"),
    [
        pytest.param(time(2, 30), "2025-03-09T07:00:00", id="a skipped time is the jump"),
        pytest.param(time(3, 0), "2025-03-09T07:00:00", id="the first time after the jump"),
        pytest.param(time(1, 59), "2025-03-09T06:59:00", id="the last minute before it"),
    ],
)
def test_times_around_the_spring_jump_in_new_york(wall: time, instant: str) -> None:
    assert at_local(date(2025, 3, 9), wall, NEW_YORK) == utc(instant)


def test_a_time_shown_twice_is_the_earlier_one() -> None:
    assert at_local(date(2025, 11, 2), time(1, 30), NEW_YORK) == utc("2025-11-02T05:30:00")


@pytest.mark.parametrize(
    ("day", "months", "result"),
    [
        pytest.param(date(2025, 12, 31), 2, date(2026, 2, 28), id="T-4.17: 31 December + 2 months"),
        pytest.param(date(2023, 12, 31), 2, date(2024, 2, 29), id="in a leap year"),
        pytest.param(date(2024, 2, 29), 12, date(2025, 2, 28), id="29 February + 12 months is 28 February"),
        pytest.param(date(2025, 3, 31), -1, date(2025, 2, 28), id="backwards"),
        pytest.param(date(2025, 1, 15), 0, date(2025, 1, 15), id="nothing"),
    ],
)
def test_months_are_added_by_the_calendar(day: date, months: int, result: date) -> None:
    assert add_months(day, months) == result


def test_months_beyond_the_calendar_are_refused() -> None:
    with pytest.raises(ValueError, match="beyond"):
        add_months(date(9999, 12, 1), 1)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        pytest.param(
            month_period(date(2025, 3, 9), NEW_YORK), "2025-03-01T05:00:00", "2025-04-01T04:00:00", id="month"
        ),
        pytest.param(
            two_month_period(date(2025, 4, 1), SHANGHAI), "2025-02-28T16:00:00", "2025-04-30T16:00:00", id="two months"
        ),
        pytest.param(
            quarter_period(date(2025, 12, 31), NEW_YORK), "2025-10-01T04:00:00", "2026-01-01T05:00:00", id="quarter"
        ),
    ],
)
def test_calendar_periods_are_half_open_ranges_of_utc(period: object, start: str, end: str) -> None:
    """XCT-020: MEM free-shipping quotas and message caps count by these (C-7)."""
    assert (period.start, period.end) == (utc(start), utc(end))  # type: ignore[attr-defined]


def test_a_period_that_does_not_fit_the_year_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        months_period(date(2025, 1, 1), 5, NEW_YORK)


def test_an_unknown_zone_is_named_in_the_error() -> None:
    with pytest.raises(UnknownZone, match="Mars/Olympus"):
        zone_named("Mars/Olympus")
    assert zone_named("Asia/Shanghai").key == "Asia/Shanghai"


@given(DAYS, ZONES)
def test_days_follow_one_another_without_gap_or_overlap(day: date, zone: ZoneInfo) -> None:
    today, tomorrow = day_period(day, zone), day_period(day + timedelta(days=1), zone)
    assert today.end == tomorrow.start
    if today.start < today.end:
        assert local_date(today.start, zone) == day
        assert local_date(today.end - timedelta(microseconds=1), zone) == day


@given(st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)), ZONES)
def test_every_instant_lies_in_the_day_month_and_quarter_of_its_date(instant: datetime, zone: ZoneInfo) -> None:
    """XCT-020: month, two months and quarter in the shop's zone."""
    day = local_date(instant, zone)
    for period in (day_period, month_period, two_month_period, quarter_period):
        assert instant in period(day, zone)


@given(DAYS, ZONES)
def test_noon_is_twelve_by_the_clock_of_that_day(day: date, zone: ZoneInfo) -> None:
    local = noon(day, zone).astimezone(zone)
    if day_start(day, zone) < day_start(day + timedelta(days=1), zone):
        assert (local.date(), local.time()) == (day, time(12))


@given(DAYS, st.integers(-240, 240))
def test_adding_months_moves_the_month_and_never_the_day_forward(day: date, months: int) -> None:
    moved = add_months(day, months)
    assert (moved.year * 12 + moved.month) - (day.year * 12 + day.month) == months
    assert moved.day == min(day.day, end_of_month(moved).day)
    assert start_of_month(moved) <= moved <= end_of_month(moved)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("1970-01", True),
        ("1997-05", True),
        ("2026-12", True),
        ("2199-12", True),
        ("1969-12", False),
        ("2026-13", False),
    ],
)
def test_a_month_in_an_address_may_be_of_long_ago(text: str, is_one: bool) -> None:
    """As those of the demo's shop are, whose orders are of 1997."""
    assert bool(re.fullmatch(MONTH, text)) == is_one
