"""Windows of qualification: rolling, of the calendar, from the anniversary on, for life; and their terms (C-4)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from common.events import Event
from common.events.membership import TierDropWarned
from membership.programme.programme import Programme
from membership.qualification.history import EVER
from membership.tiers.state import Tiers
from membership.tiers.windows import block_of, window_start

from ..stories import announced, at, completed, fold, place, refund, rules


@pytest.mark.parametrize(
    ("window", "months", "day", "first", "last"),
    [
        ("calendar", 12, "2025-03-10", "2025-01-01", "2025-12-31"),
        ("calendar", 3, "2025-03-31", "2025-01-01", "2025-03-31"),
        ("calendar", 3, "2025-04-01", "2025-04-01", "2025-06-30"),
        ("anniversary", 12, "2025-08-30", "2024-08-31", "2025-08-30"),
        ("anniversary", 12, "2025-08-31", "2025-08-31", "2026-08-30"),
        ("anniversary", 6, "2025-02-27", "2024-08-31", "2025-02-27"),
        ("anniversary", 6, "2025-02-28", "2025-02-28", "2025-08-30"),
        ("anniversary", 7, "2022-08-31", "2022-08-31", "2023-03-30"),
    ],
)
def test_blocks_follow_one_another_from_january_or_the_day_of_enrolment(
    window: Any, months: int, day: str, first: str, last: str
) -> None:
    """From 31 August through 27 February, then on 31 August again."""
    found = block_of(Programme(window=window, window_months=months), date.fromisoformat(day), date(2022, 8, 31))
    assert found == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("window", "start"),
    [("rolling", "2024-03-11T00:00"), ("calendar", "2025-01-01T00:00"), ("anniversary", "2024-08-31T00:00")],
)
def test_a_window_begins_at_midnight_of_the_shop(window: Any, start: str) -> None:
    programme = Programme(window=window)
    assert window_start(rules(), programme, at("2025-03-10"), at("2022-08-31")) == at(start)


def test_for_life_has_no_beginning() -> None:
    assert window_start(rules(), Programme(window="lifetime"), at("2025-03-10"), at("2022-08-31")) == EVER


VIP = completed("2025-03-10", "a", 200_000)


@pytest.mark.parametrize(
    ("more", "until", "level", "term"),
    [
        ([], "2025-03-11", 2, "2026-12-31"),
        ([], "2026-12-31T23:59", 2, "2026-12-31"),
        ([], "2027-01-30", 2, "2026-12-31"),  # in grace
        ([], "2027-01-31", 1, "2028-12-31"),
        ([completed("2026-12-31", "b", 200_000)], "2027-01-01", 2, "2027-12-31"),
        ([completed("2025-12-31", "b", 200_000)], "2027-01-31", 1, "2028-12-31"),
        # In grace the block before counts too.
        ([completed("2026-11-01", "b", 150_000), completed("2027-01-15", "c", 50_000)], "2027-02-01", 2, "2028-12-31"),
    ],
)
def test_by_the_calendar_a_tier_holds_for_the_rest_of_its_year_and_the_next_one(
    more: list[Event[Any]], until: str, level: int, term: str
) -> None:
    state, _ = fold([VIP, *more], until, Programme(window="calendar"))
    held = Tiers.of(state).standing
    assert (place(held), held.until) == (level, date.fromisoformat(term))


def test_what_was_bought_in_another_calendar_year_does_not_count() -> None:
    events = [completed("2025-12-31", "a", 30_000), completed("2026-01-01", "b", 30_000)]
    assert place(Tiers.of(fold(events, programme=Programme(window="calendar"))[0]).standing) == 0
    assert place(Tiers.of(fold(events)[0]).standing) == 1


def test_for_life_all_that_ever_was_counts_until_it_is_refunded() -> None:
    programme = Programme(window="lifetime")
    events = [completed("2019-01-01", "a", 30_000), completed("2025-01-01", "b", 30_000)]
    assert place(Tiers.of(fold(events, "2031-01-01", programme)[0]).standing) == 1
    back = [*events, refund("2025-02-01", "a", 30_000)]
    assert place(Tiers.of(fold(back, "2025-02-02", programme)[0]).standing) == 0


def test_the_warning_before_a_block_ends_says_what_its_review_will_look_at() -> None:
    _, effects = fold([VIP, completed("2026-02-01", "b", 150_000)], "2026-12-15", Programme(window="calendar"))
    (warned,) = announced(effects, TierDropWarned)
    assert (warned.missing_spend, warned.term_ends) == (50_000, at("2027-01-01T00:00"))


def test_a_window_that_does_not_fill_the_year_is_refused() -> None:
    with pytest.raises(ValidationError, match="1, 2, 3, 4, 6 or 12 months"):
        Programme(window="calendar", window_months=5)
