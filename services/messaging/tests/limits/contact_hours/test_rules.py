"""When a marketing message may leave: windows, blackouts, zones, daylight saving time."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.decisions.rules import decide
from messaging.limits.contact_hours.rules import NoWindow, opening_for
from messaging.limits.contact_hours.state import DEFAULT_WINDOWS, Window

from ...situations import INSTANTS, NEW_YORK, SHANGHAI, TUESDAY_TEN, at, candidate, situation


# 2025-03-03 is a Monday.
@pytest.mark.parametrize(
    ("asked", "leaves"),
    [
        # T-4.14, MSG-001 to MSG-003
        ("2025-03-04 09:29", "2025-03-04 09:30"),
        ("2025-03-04 09:30", "2025-03-04 09:30"),
        ("2025-03-04 10:59", "2025-03-04 10:59"),
        ("2025-03-04 11:00", "2025-03-04 14:30"),
        ("2025-03-04 12:00", "2025-03-04 14:30"),
        ("2025-03-04 16:30", "2025-03-04 19:30"),
        ("2025-03-04 21:00", "2025-03-05 09:30"),
        # T-4.15, MSG-004 and MSG-005
        ("2025-03-03 10:00", "2025-03-03 14:30"),
        ("2025-03-03 15:00", "2025-03-03 15:00"),
        ("2025-03-07 10:00", "2025-03-07 10:00"),
        ("2025-03-07 15:00", "2025-03-07 19:30"),
        ("2025-03-09 21:30", "2025-03-10 14:30"),
    ],
)
def test_a_marketing_message_leaves_in_the_next_window(asked: str, leaves: str) -> None:
    """T-4.14, T-4.15, MSG-001 to 005: start-inclusive, end-exclusive; not on Monday morning or Friday afternoon."""
    decision = decide(candidate(cause_at=at(asked)), situation(), at(asked))
    if asked == leaves:
        assert (decision.outcome, decision.reason) == ("send", "allowed")
    else:
        assert (decision.outcome, decision.reason, decision.until) == ("hold", "window", at(leaves))


def test_the_window_is_the_recipients_not_the_shops() -> None:
    """Contact hours are in the recipient's zone."""
    ten_in_shanghai = at("2025-03-04 10:00")  # 21:00 of Monday in New York
    decision = decide(candidate(cause_at=ten_in_shanghai), situation(zone=NEW_YORK), ten_in_shanghai)
    assert decision.until == at("2025-03-04 09:30", NEW_YORK)


@pytest.mark.parametrize(
    ("window", "asked", "start", "end"),
    [
        # Spring, 2025-03-09 02:00 to 03:00 is skipped: the window begins with the jump and is half an hour long.
        ((time(2, 30), time(3, 30)), "2025-03-09T05:00Z", "2025-03-09T07:00Z", "2025-03-09T07:30Z"),
        # Spring, a window inside the skipped hour does not exist that day: the next day's is taken.
        ((time(2, 10), time(2, 50)), "2025-03-09T05:00Z", "2025-03-10T06:10Z", "2025-03-10T06:50Z"),
        # Autumn, 01:00 to 02:00 comes twice: the window holds both.
        ((time(1), time(2)), "2025-11-02T04:00Z", "2025-11-02T05:00Z", "2025-11-02T07:00Z"),
        # Autumn, in the second 01:15 the window is still open.
        ((time(1), time(2)), "2025-11-02T06:15Z", "2025-11-02T05:00Z", "2025-11-02T07:00Z"),
        # The default morning window, an hour earlier in UTC after the jump.
        ((time(9, 30), time(11)), "2025-03-08T12:00Z", "2025-03-08T14:30Z", "2025-03-08T16:00Z"),
        ((time(9, 30), time(11)), "2025-03-09T12:00Z", "2025-03-09T13:30Z", "2025-03-09T15:00Z"),
    ],
)
def test_windows_follow_daylight_saving_time(window: tuple[time, time], asked: str, start: str, end: str) -> None:
    opening = opening_for([Window(start=window[0], end=window[1])], datetime.fromisoformat(asked), NEW_YORK)
    assert (opening.start, opening.end) == (datetime.fromisoformat(start), datetime.fromisoformat(end))


def test_blackout_dates_close_whole_days() -> None:
    """MSG-006: such time slots are configuration."""
    blackouts = frozenset({date(2025, 3, 4), date(2025, 3, 5)})
    assert opening_for(DEFAULT_WINDOWS, TUESDAY_TEN, SHANGHAI, blackouts).start == at("2025-03-06 09:30")


def test_no_day_left_to_open_is_said() -> None:
    every_day = frozenset(date(2025, 3, 4) + timedelta(days=n) for n in range(500))
    with pytest.raises(NoWindow):
        opening_for(DEFAULT_WINDOWS, TUESDAY_TEN, SHANGHAI, every_day)


ZONES = st.sampled_from(["Asia/Shanghai", "America/New_York", "Europe/London", "Pacific/Apia", "Africa/Casablanca"])


@given(instant=INSTANTS, zone=ZONES)
def test_a_message_leaves_only_inside_a_window_and_never_before_it_was_asked(instant: datetime, zone: str) -> None:
    """MSG-001 to 005, at any instant in any zone."""
    recipient = ZoneInfo(zone)
    opening = opening_for(DEFAULT_WINDOWS, instant, recipient)
    leaves = max(instant, opening.start).astimezone(recipient)
    assert instant < opening.end
    assert leaves >= instant
    open_windows = [
        w
        for w in DEFAULT_WINDOWS
        if ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][leaves.weekday()] not in w.closed_on
        and w.start <= leaves.time() < w.end
    ]
    assert len(open_windows) == 1
    assert opening_for(DEFAULT_WINDOWS, leaves, recipient) == opening, "a released message is not held again"
