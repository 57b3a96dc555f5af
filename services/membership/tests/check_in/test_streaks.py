"""Points for check-ins and for days in a row: counted once a day, in whatever order they come (MEM-046)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events import Event
from common.events.membership import BalancesChanged, CheckInCounted, MemberCheckedIn
from common.fold.folding import fold_all
from membership.check_in.state import CheckIns
from membership.fold import MemberFolding, balances
from membership.ledger.legs import Balances, Posting
from membership.points.state import Points
from membership.programme.check_in import CheckInRules, StreakBonus
from membership.programme.programme import Programme

from ..stories import CUSTOMER, SHOP, announced, checked_in, completed, fold, lots, posted, redeemed, rules

THREES = Programme(check_in=CheckInRules(points=2, bonuses=(StreakBonus(days=3, points=10),)))


@pytest.mark.parametrize(
    ("days", "points", "streak"),
    [
        ([], 0, 0),
        (["2025-01-01"], 2, 1),
        (["2025-01-01T00:00", "2025-01-01T23:59:59"], 2, 1),
        (["2025-01-01T23:59:59", "2025-01-02T00:00"], 4, 2),
        (["2025-01-01", "2025-01-02", "2025-01-03"], 16, 3),
        (["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-04"], 18, 4),
        ([f"2025-01-0{n}" for n in range(1, 7)], 32, 6),
        (["2025-01-01", "2025-01-02", "2025-01-04", "2025-01-05"], 8, 2),
        (["2025-02-27", "2025-02-28", "2025-03-01"], 16, 3),
    ],
)
def test_a_day_counts_once_and_days_in_a_row_earn_more(days: list[str], points: int, streak: int) -> None:
    state, _ = fold([checked_in(day) for day in days], programme=THREES)
    made = CheckIns.of(state)
    assert (made.points, Points.of(state).available, made.streak) == (points, points, streak)


def test_without_a_bonus_a_day_earns_one_point_and_says_so() -> None:
    state, effects = fold([completed("2025-01-01", "a", 10_000), checked_in("2025-01-02"), checked_in("2025-01-03")])
    assert Points.of(state).available == 102
    assert [(fact.day, fact.streak, fact.points) for fact in announced(effects, CheckInCounted)] == [
        (date(2025, 1, 2), 1, 1),
        (date(2025, 1, 3), 2, 2),
    ]
    changes = [fact for fact in announced(effects, BalancesChanged) if fact.reason == "check-in"]
    assert [(fact.points_change, fact.growth_change) for fact in changes] == [(1, 1)] * 2


def test_a_streak_is_broken_when_a_whole_day_passes() -> None:
    state, _ = fold([checked_in("2025-01-01"), checked_in("2025-01-02")])
    found = [CheckIns.of(state).streak_on(date(2025, 1, day)) for day in (2, 3, 4)]
    assert found == [2, 2, 0]


def test_points_of_a_month_expire_together_and_are_spent_as_any_others() -> None:
    events = [checked_in("2025-01-01"), checked_in("2025-01-31"), checked_in("2025-02-01")]
    state, _ = fold([*events, redeemed("2025-03-01", "r", 1)], "2026-01-31T23:59", programme=THREES)
    assert {name: lot.available for name, lot in lots(state).items()} == {
        "|check-in/2025-01": 3,
        "|check-in/2025-02": 2,
    }
    state, _ = fold([*events, redeemed("2025-03-01", "r", 1)], "2026-02-01T00:00", programme=THREES)
    assert (Points.of(state).available, CheckIns.of(state).points) == (2, 6)


def test_where_members_register_a_check_in_earns_nothing_before() -> None:
    programme = Programme(enrolment="registration", check_in=THREES.check_in)
    state, _ = fold([checked_in("2025-01-01")], programme=programme)
    assert (CheckIns.of(state).streak, Points.of(state).available) == (1, 0)


def _earned(days: set[date]) -> tuple[int, int]:
    """What the days earn by THREES, and the last streak: counted from the days alone."""
    points = streak = 0
    for day in sorted(days):
        streak = streak + 1 if day - timedelta(days=1) in days else 1
        points += 2 + (10 if streak % 3 == 0 else 0)
    return points, streak


@given(st.lists(st.integers(0, 60), min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_late_check_ins_join_streaks_and_the_order_of_arrival_never_matters(half_days: list[int], random: Any) -> None:
    """Each arrival posts a difference; the ledger comes to the balances, which the days alone decide."""
    start = datetime(2025, 1, 1, 2, tzinfo=UTC)
    events = [
        Event(f"e{n}", "/shops/tea/test", SHOP, CUSTOMER, start + timedelta(hours=12 * half), MemberCheckedIn())
        for n, half in enumerate(half_days)
    ]
    random.shuffle(events)
    folding, ledger = MemberFolding({SHOP: rules(THREES)}), Balances()
    state, key = folding.empty(), (SHOP, CUSTOMER)
    for known in range(1, len(events) + 1):
        after, _, _ = fold_all(folding, events[:known], None, key)
        for effect in folding.difference(state, posted(state), after, events[known - 1].time):
            for leg in effect.data.legs if isinstance(effect.data, Posting) else ():
                ledger[leg.account, leg.earned_by] = ledger.get((leg.account, leg.earned_by), 0) + leg.amount
        state = after
        assert {name: amount for name, amount in ledger.items() if amount} == balances(state)
    shop = rules()
    points, streak = _earned({shop.date_of(event.time) for event in events})
    made = CheckIns.of(state)
    assert (made.points, Points.of(state).available, made.streak) == (points, points, streak)
