"""Points added and taken by hand: which lots they make and take, what becomes of them when late news comes."""

from __future__ import annotations

from membership.points.state import Points
from membership.programme.programme import PointsRules, Programme

from ..stories import adjusted, at, completed, fold, legs, lots, refund


def test_added_points_are_a_lot_of_their_own_that_expires_as_points_earned_now() -> None:
    state, effects = fold([completed("2025-01-05", "a", 10_000), adjusted("2025-02-05", "m", 50)])
    assert Points.of(state).available == 150
    made = lots(state)["|adjustment/m"]
    assert (made.available, made.expires) == (50, at("2026-03-01T00:00"))
    assert legs(effects)["available", "|adjustment/m"] == 50


def test_taken_points_are_those_that_expire_soonest() -> None:
    events = [completed("2025-01-05", "a", 10_000), completed("2025-02-05", "b", 10_000)]
    state, _ = fold([*events, adjusted("2025-03-01", "m", -130)])
    assert {name: lot.available for name, lot in lots(state).items()} == {"b": 70}
    assert Points.of(state).reversed == 130


def test_added_points_pay_a_debt_first() -> None:
    """MEM-053: a balance below zero is on record, and whatever comes settles it."""
    events = [
        completed("2025-01-05", "a", 10_000),
        adjusted("2025-01-06", "m", -100),
        refund("2025-01-07", "a", 10_000),
    ]
    state, _ = fold([*events, adjusted("2025-01-08", "n", 130)])
    assert (Points.of(state).debt, Points.of(state).available) == (0, 30)


def test_what_late_news_takes_away_of_points_taken_by_hand_is_debt_or_let_go() -> None:
    """The change stays what was granted, whatever comes before it later."""
    events = [completed("2025-01-05", "a", 10_000), refund("2025-01-06", "a", 9_000), adjusted("2025-01-07", "m", -100)]
    state, _ = fold(events)
    assert (Points.of(state).available, Points.of(state).debt) == (0, 90)
    state, _ = fold(events, programme=Programme(points=PointsRules(clamp_at_zero=True)))
    assert (Points.of(state).available, Points.of(state).debt) == (0, 0)
