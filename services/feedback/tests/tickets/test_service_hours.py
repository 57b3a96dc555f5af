"""Time within a shop's service hours (FBK-027, FBK-035)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from feedback.tickets.policy import Clocks, TicketPolicy
from feedback.tickets.service_hours import ServiceHours, after, opens_at

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = ServiceHours(always=False, opens=time(9), closes=time(17), days=(1, 2, 3, 4, 5))


@pytest.mark.parametrize(
    ("what", "start", "minutes", "ends"),
    [
        ("within a day", "2025-03-03 10:00", 60, "2025-03-03 11:00"),
        ("before it opens", "2025-03-03 06:00", 60, "2025-03-03 10:00"),
        ("at closing time", "2025-03-03 17:00", 60, "2025-03-04 10:00"),
        ("over night", "2025-03-03 16:30", 60, "2025-03-04 09:30"),
        ("to the very end of the day", "2025-03-03 16:00", 60, "2025-03-03 17:00"),
        ("over a weekend", "2025-03-07 16:30", 60, "2025-03-10 09:30"),
        ("a day and a half", "2025-03-03 09:00", 12 * 60, "2025-03-04 13:00"),
        ("the weekend of the change of the clocks", "2025-03-28 16:30", 60, "2025-03-31 09:30"),
    ],
)
def test_minutes_pass_within_service_hours_alone(what: str, start: str, minutes: int, ends: str) -> None:
    begun = datetime.fromisoformat(start).replace(tzinfo=BERLIN)
    assert after(begun, timedelta(minutes=minutes), OFFICE, BERLIN) == datetime.fromisoformat(ends).replace(
        tzinfo=BERLIN
    ), what


def test_round_the_clock_every_minute_counts() -> None:
    """FBK-035: seven days, 24 hours, also over the hour that the clocks skip."""
    begun = datetime(2025, 3, 29, 23, tzinfo=UTC)
    assert after(begun, timedelta(hours=4), ServiceHours(), BERLIN) == datetime(2025, 3, 30, 3, tzinfo=UTC)


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31)),
    st.integers(1, 3_000),
    st.integers(1, 3_000),
    st.sets(st.integers(1, 7), min_size=1),
)
def test_two_spans_one_after_the_other_are_one(start: datetime, one: int, other: int, days: set[int]) -> None:
    hours = ServiceHours(always=False, opens=time(1, 30), closes=time(22, 15), days=tuple(sorted(days)))
    begun = start.replace(tzinfo=UTC)
    first = after(begun, timedelta(minutes=one), hours, BERLIN)
    whole = after(begun, timedelta(minutes=one + other), hours, BERLIN)
    assert first > begun
    assert after(first, timedelta(minutes=other), hours, BERLIN) == whole
    local = whole.astimezone(BERLIN)
    assert local.isoweekday() in days
    assert time(1, 30) < local.time() <= time(22, 15)


@pytest.mark.parametrize("wrong", [{"opens": "17:00", "closes": "09:00"}, {"days": []}, {"days": [8]}, {"opens": "9Z"}])
def test_hours_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ServiceHours.model_validate({"always": False} | wrong)


@pytest.mark.parametrize(
    ("hours", "resolve", "taken"),
    [
        ({}, 43_200, True),
        ({"opens": "09:00:00", "closes": "09:00:01", "days": [1]}, 4_320, False),
        ({"opens": "09:00", "closes": "17:00", "days": [1, 2, 3, 4, 5]}, 43_200, True),
        ({"opens": "09:00", "closes": "10:00", "days": [1]}, 1_560, True),
        ({"opens": "09:00", "closes": "10:00", "days": [1]}, 1_561, False),
    ],
)
def test_hours_within_which_a_clock_would_never_run_out_are_refused(
    hours: dict[str, object], resolve: int, taken: bool
) -> None:
    """Each due is found by a look at each day: there are half a year of them at most."""
    clocks = Clocks(respond=1, resolve=resolve)
    asked = {"hours": {"always": not hours} | hours, "urgent": clocks, "high": clocks, "normal": clocks}
    if taken:
        TicketPolicy.model_validate(asked)
    else:
        with pytest.raises(ValidationError, match="26 weeks"):
            TicketPolicy.model_validate(asked)


@pytest.mark.parametrize(
    ("what", "at", "opens"),
    [
        ("within the hours", "2025-03-03 10:00", None),
        ("at the first minute", "2025-03-03 09:00", None),
        ("at closing time", "2025-03-03 17:00", "2025-03-04 09:00"),
        ("before it opens", "2025-03-03 08:59", "2025-03-03 09:00"),
        ("on Friday evening", "2025-03-07 20:00", "2025-03-10 09:00"),
        ("over the change of the clocks", "2025-03-29 12:00", "2025-03-31 09:00"),
    ],
)
def test_fbk_035_when_service_begins_next(what: str, at: str, opens: str | None) -> None:
    found = opens_at(datetime.fromisoformat(at).replace(tzinfo=BERLIN), OFFICE, BERLIN)
    assert found == (None if opens is None else datetime.fromisoformat(opens).replace(tzinfo=BERLIN)), what
    assert opens_at(datetime.fromisoformat(at).replace(tzinfo=BERLIN), ServiceHours(), BERLIN) is None
