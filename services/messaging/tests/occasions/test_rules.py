"""Which days begin a flow."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter

from messaging.flows.document import Trigger
from messaging.occasions.rules import begins_at, birthdays_on, cause_of, due_at, holiday_of, sending_days

READ: TypeAdapter[Any] = TypeAdapter(Trigger)


SALES = ["2026-08-25", "2026-12-09", "2027-12-09"]


def days(trigger: dict[str, Any], first: str, count: int, launches: Any = ()) -> list[str]:
    found = sending_days(READ.validate_python(trigger), date.fromisoformat(first), launches)
    return [day.isoformat() for day in islice(found, count)]


@pytest.mark.parametrize(
    ("holiday", "year", "day"),
    [
        ("spring_festival", 2026, "2026-02-17"),
        ("lantern", 2026, "2026-03-03"),
        ("qingming", 2026, "2026-04-05"),
        ("dragon_boat", 2026, "2026-06-19"),
        ("qixi", 2026, "2026-08-19"),
        ("mid_autumn", 2026, "2026-09-25"),
        ("double_ninth", 2026, "2026-10-18"),
        ("spring_festival", 2034, "2034-02-19"),
        ("christmas", 2026, "2026-12-25"),
    ],
)
def test_holidays_of_both_calendars(holiday: Any, year: int, day: str) -> None:
    """MSG-031."""
    assert str(holiday_of(holiday, year)) == day


@pytest.mark.parametrize(
    ("trigger", "first", "found"),
    [
        ({"on": "holiday", "holiday": "spring_festival", "days": -1}, "2026-01-01", ["2026-02-16", "2027-02-05"]),
        ({"on": "holiday", "holiday": "new_year", "days": -3}, "2026-06-01", ["2026-12-29", "2027-12-29"]),
        ({"on": "member_day", "day": 31}, "2026-01-31", ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ({"on": "member_day", "day": 8, "days": -1}, "2026-01-08", ["2026-02-07"]),
        ({"on": "dates", "dates": ["12-12", "2026-08-28"], "days": -3}, "2026-01-01", SALES),
        ({"on": "new_arrival", "days": 1}, "2026-01-01", ["2026-03-02"]),
        ({"on": "date", "date": "birthday"}, "2026-02-28", ["2026-02-28", "2026-03-01"]),
    ],
)  # fmt: skip
def test_the_days_on_which_a_flow_sends(trigger: dict[str, Any], first: str, found: list[str]) -> None:
    """MSG-029, MSG-032 to MSG-034, MSG-047."""
    assert days(trigger, first, len(found), [date(2026, 3, 1)]) == found


def test_who_was_born_on_the_29th_of_february_celebrates_every_year() -> None:
    """MSG-029: once, whether the year has the day or not."""
    assert [birthdays_on(date(2025, 2, 28)), birthdays_on(date(2025, 3, 1))] == [("02-28", "02-29"), ("03-01",)]
    assert [birthdays_on(date(2024, 2, 28)), birthdays_on(date(2024, 2, 29))] == [("02-28",), ("02-29",)]


def test_a_birthday_is_celebrated_once_a_year_whatever_the_profile_says_later() -> None:
    trigger = READ.validate_python({"on": "date", "date": "birthday", "days": -5})
    assert cause_of("birthday", trigger, date(2025, 12, 29)) == "birthday/2026"
    assert cause_of("birthday", trigger, date(2026, 6, 1)) == "birthday/2026"
    holiday = READ.validate_python({"on": "holiday", "holiday": "qixi"})
    assert cause_of("holiday", holiday, date(2026, 8, 19)) == "holiday/2026-08-19"


def test_a_day_begins_before_it_is_due_anywhere_on_earth() -> None:
    trigger = READ.validate_python({"on": "date", "date": "birthday", "at": "00:00"})
    day = date(2025, 3, 4)
    assert begins_at(day) == datetime(2025, 3, 3, 10, tzinfo=UTC)
    zones = [
        ZoneInfo(name) for name in ("Pacific/Kiritimati", "Asia/Shanghai", "America/New_York", "Pacific/Pago_Pago")
    ]
    due = [due_at(trigger, day, zone) for zone in zones]
    assert due == sorted(due)
    assert due[0] >= begins_at(day)
