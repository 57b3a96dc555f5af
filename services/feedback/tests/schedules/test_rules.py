"""On which occasions a customer is asked, and which of those that are due is taken."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from common.shops.settings import ShopSettings
from feedback.forms.policy import SurveyRules
from feedback.forms.schedule import Schedule, Trigger
from feedback.policy.state import DEFAULT_VERSION, Policy, Version
from feedback.schedules.rules import FRESH, Occasion, next_look, occasions, take
from feedback.schedules.state import Ended, Known

MARCH = datetime(2025, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SHANGHAI = ShopSettings.always(ZoneInfo("Asia/Shanghai"))
TICKET = Ended("t1", MARCH + 2 * DAY, 1)


def schedule(after: Trigger, days: int, form_id: str = "nps") -> Schedule:
    return Schedule(schedule_id=f"{after}-{days}", form_id=form_id, after=after, days=days)


def versions(*schedules: Schedule, rest_days: int = 30, since: datetime = MARCH - 99 * DAY) -> list[Version]:
    return [DEFAULT_VERSION, Version(1, since, Policy(surveys=SurveyRules(schedules=schedules, rest_days=rest_days)))]


def found(known: Known, *schedules: Schedule, rest_days: int = 30) -> list[Occasion]:
    return occasions(known, versions(*schedules, rest_days=rest_days), SHANGHAI)


@pytest.mark.parametrize(
    ("given", "due", "about"),
    [
        pytest.param(schedule("first_order", 3), MARCH + 3 * DAY, ("o1", None), id="after the first order"),
        pytest.param(schedule("order", 10), MARCH + 15 * DAY, ("o5", None), id="after the latest order"),
        pytest.param(schedule("ticket", 1), MARCH + 3 * DAY, (None, "t1"), id="after a ticket"),
        pytest.param(
            schedule("quarter", 0),
            datetime(2025, 3, 31, 16, tzinfo=UTC),
            (None, None),
            id="at the quarter's start in Shanghai",
        ),
        pytest.param(
            schedule("quarter", 4), datetime(2025, 4, 4, 16, tzinfo=UTC), (None, None), id="four days into it"
        ),
    ],
)
def test_when_a_schedule_falls_due(given: Schedule, due: datetime, about: tuple[str | None, str | None]) -> None:
    """FBK-006, FBK-017, FBK-036."""
    [one] = found(Known(Ended("o1", MARCH), (Ended("o5", MARCH + 5 * DAY),), TICKET), given)
    assert (one.due_at, (one.order_id, one.ticket_id), one.version) == (due, about, 1)


def test_an_order_of_the_last_evening_of_a_quarter_belongs_to_the_shops_day() -> None:
    late = Known(orders=(Ended("o1", datetime(2025, 3, 31, 20, tzinfo=UTC)),))  # 1 April in Shanghai
    assert [o.due_at for o in found(late, schedule("quarter", 0))] == [datetime(2025, 6, 30, 16, tzinfo=UTC)]


def test_what_ended_before_a_schedule_was_in_force_asks_nothing() -> None:
    known = Known(first=Ended("o1", MARCH))
    assert occasions(known, versions(schedule("first_order", 3), since=MARCH + DAY), SHANGHAI) == []
    assert found(Known(first=Ended("o1", MARCH), erased=True), schedule("first_order", 3)) == []
    assert found(known) == []


def test_a_ticket_that_was_opened_again_is_another_occasion_when_it_ends() -> None:
    """FBK-036: each resolution is asked about once."""
    ids = {
        one.survey_id("s", "ann")
        for reopened in (0, 1)
        for one in found(Known(ticket=Ended("t1", MARCH, reopened)), schedule("ticket", 1))
    }
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("last", "now", "asked"),
    [
        pytest.param(None, MARCH + 3 * DAY, True, id="never asked"),
        pytest.param(None, MARCH + 3 * DAY - timedelta(seconds=1), False, id="not due yet"),
        pytest.param(MARCH - 27 * DAY, MARCH + 3 * DAY, True, id="asked thirty days before"),
        pytest.param(MARCH - 26 * DAY, MARCH + 3 * DAY, False, id="asked of late"),
        pytest.param(MARCH + 4 * DAY, MARCH + 5 * DAY, False, id="asked between the due time and now"),
        pytest.param(None, MARCH + 3 * DAY + FRESH, True, id="fourteen days late"),
        pytest.param(None, MARCH + 4 * DAY + FRESH, False, id="stale"),
    ],
)
def test_who_was_asked_of_late_rests_and_old_news_asks_nobody(
    last: datetime | None, now: datetime, asked: bool
) -> None:
    all_of_them = found(Known(first=Ended("o1", MARCH)), schedule("first_order", 3))
    assert (take(all_of_them, None, [], last, now) is not None) is asked


def test_of_several_the_first_due_is_asked_and_what_was_asked_or_passed_is_not_again() -> None:
    known = Known(Ended("o1", MARCH), (Ended("o1", MARCH),))
    early, late = found(known, schedule("first_order", 3), schedule("order", 5), rest_days=0)
    now = MARCH + 6 * DAY
    assert take([early, late], None, [], None, now) == early
    assert take([early, late], None, [early], None, now) == late
    assert take([early, late], early.due_at, [], None, now) == late
    assert take([early, late], late.due_at, [], None, now) is None
    assert (next_look([early, late], None), next_look([early, late], early.due_at)) == (early.due_at, late.due_at)
    assert next_look([early, late], late.due_at) is None


@pytest.mark.parametrize(
    ("every", "given", "asked"),
    [
        pytest.param(2, schedule("quarter", 10), 11, id="a quarterly question, of who buys every other day"),
        pytest.param(30, schedule("quarter", 3), 11, id="and once a month"),
        pytest.param(60, schedule("quarter", 10), 11, id="and every two months"),
        pytest.param(2, schedule("order", 10), 37, id="after an order, of who buys every other day"),
        pytest.param(7, schedule("order", 10), 31, id="and every week: each fifth order"),
        pytest.param(60, schedule("order", 3), 18, id="and every two months: each order"),
    ],
)
def test_who_buys_often_is_asked_as_often_as_the_rest_allows(every: int, given: Schedule, asked: int) -> None:
    """FBK-006, FBK-003: three years of a customer, with eleven ends of quarters; FBK-024: no bias to the rare."""
    start, in_force, ids = datetime(2025, 1, 2, 12, tzinfo=UTC), versions(given), set[str]()
    orders = [Ended(f"o{n}", start + n * every * DAY) for n in range(3 * 365 // every)]
    until = last = None
    for now in (start + n * DAY for n in range(3 * 365)):
        done = tuple(order for order in orders if order.at <= now)
        all_of_them = occasions(Known(orders[0], done), in_force, SHANGHAI)
        while (due := next_look(all_of_them, until)) is not None and due <= now:
            one = take(all_of_them, until, [o for o in all_of_them if o.survey_id("s", "ann") in ids], last, now)
            if one is not None:
                ids.add(one.survey_id("s", "ann"))
                last = one.due_at
            until = max(o.due_at for o in all_of_them if o.due_at <= now)
    assert len(ids) == asked


@hypothesis.given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=5), st.lists(st.integers(0, 120)))
def test_however_often_it_is_looked_nobody_is_asked_within_the_rest(
    given: list[tuple[int, int]], looks: list[int]
) -> None:
    """Fatigue across schedules: two surveys are thirty days apart, and each occasion asks once."""
    triggers: list[Trigger] = ["first_order", "order", "ticket", "quarter"]
    schedules = {f"{n}-{days}": schedule(triggers[n], days) for n, days in given}
    known = Known(Ended("o1", MARCH), (Ended("o1", MARCH), Ended("o2", MARCH + 9 * DAY)), TICKET)
    all_of_them, until, last, asked = found(known, *schedules.values()), None, None, list[Occasion]()
    for now in sorted(MARCH + n * DAY for n in looks):
        one = take(all_of_them, until, asked, last, now)
        if one is not None:
            asked.append(one)
            last = one.due_at
        until = max((o.due_at for o in all_of_them if o.due_at <= now), default=until)
    dues = [one.due_at for one in asked]
    assert all(later - earlier >= 30 * DAY for earlier, later in itertools.pairwise(dues))
    assert len({one.survey_id("s", "ann") for one in asked}) == len(asked)


@pytest.mark.parametrize(
    "schedules",
    [
        pytest.param((schedule("order", 1), schedule("order", 1)), id="an id twice"),
        pytest.param((schedule("order", 1, "none"),), id="a form that is not there"),
    ],
)
def test_schedules_that_make_no_sense_are_refused(schedules: tuple[Schedule, ...]) -> None:
    with pytest.raises(ValidationError):
        SurveyRules(schedules=schedules)
