"""What orders earn, when it is gone and what refunds take, by the default programme."""

from __future__ import annotations

import pytest

from common.events.membership import MemberEnrolled
from common.events.orders import OrderClosed
from membership.fold import MemberState
from membership.growth.state import Growth
from membership.points.books import balances
from membership.points.state import Points
from membership.programme.programme import SUPREME, VIP, PointsRules, Programme, Tier
from membership.tiers.state import Tiers

from ..stories import announced, at, completed, fold, legs, lots, order, paid, place, redeemed, refund


@pytest.mark.parametrize(
    ("goods", "factor", "points"),
    [(9_990, 15_000, 149), (9_999, 12_000, 119), (99, 10_000, 0), (100, 10_000, 1), (10_000, 20_000, 200)],
)
def test_points_are_the_floor_of_paid_times_factor(goods: int, factor: int, points: int) -> None:
    """MEM-044, MEM-036, by the default programme; the last row is the test of MEM-036."""
    programme = Programme(tiers=(Tier(name="Regular", factor=factor),))
    state, _ = fold([completed("2025-01-01", "a", goods)], programme=programme)
    assert Points.of(state).available == points


def test_the_factor_is_that_of_the_tier_held_before_the_order() -> None:
    """MEM-036: a VIP's factor of 1.5 applies to what is earned next."""
    state, _ = fold([completed("2025-01-01", "a", 200_000), completed("2025-01-02", "b", 9_990)])
    assert (lots(state)["a"].available, lots(state)["b"].available) == (2_000, 149)


def test_points_are_pending_until_the_order_is_completed() -> None:
    """MEM-044: on completed orders."""
    waiting, _ = fold([paid("2025-01-01", "a", 10_000)])
    done, effects = fold([paid("2025-01-01", "a", 10_000), completed("2025-01-09", "a", 10_000)])
    assert (
        Points.of(waiting).pending,
        Points.of(waiting).available,
        Points.of(done).pending,
        Points.of(done).available,
    ) == (100, 0, 0, 100)
    assert announced(effects, MemberEnrolled)[0].enrolled_at == at("2025-01-09")


def test_a_closed_order_takes_its_pending_points_along() -> None:
    state, effects = fold([paid("2025-01-01", "a", 10_000), order(OrderClosed, "2025-01-02", "a", 10_000)])
    assert (Points.of(state).pending, Points.of(state).available, lots(state)) == (0, 0, {})
    assert legs(effects) == {("issued", ""): -100, ("reversed", ""): 100}


def test_the_higher_revision_counts_for_amounts_whatever_its_time() -> None:
    state, _ = fold([paid("2025-01-01", "a", 9_000, revision=7), completed("2025-01-02", "a", 8_000, revision=3)])
    assert Points.of(state).available == 90


def test_a_closing_that_an_older_version_tells_does_not_close_a_newer_order() -> None:
    newer = completed("2025-01-02", "a", 10_000, revision=5)
    stale, _ = fold([newer, order(OrderClosed, "2025-01-03", "a", 10_000, revision=4)])
    newest, _ = fold([newer, order(OrderClosed, "2025-01-03", "a", 10_000, revision=6)])
    assert (Points.of(stale).available, Points.of(newest).available) == (100, 0)


@pytest.mark.parametrize(("day", "left"), [("2026-03-31T23:59:59", 100), ("2026-04-01T00:00", 0), ("2030-01-01", 0)])
def test_points_of_5_march_2025_are_gone_at_1_april_2026(day: str, left: int) -> None:
    state, _ = fold([completed("2025-03-05", "a", 10_000)], day)
    assert (Points.of(state).available, Points.of(state).expired) == (left, 100 - left)


def test_refunding_99_99_at_factor_1_2_in_thirds_takes_40_40_39() -> None:
    """MEM-053: a refund takes earned points back."""
    programme = Programme(tiers=(Tier(name="Regular", factor=12_000),))
    events, left = [completed("2025-01-01", "a", 9_999)], []
    for day in (2, 3, 4, 5):
        left.append(Points.of(fold(events, programme=programme)[0]).available)
        events.append(refund(f"2025-01-0{day}", "a", 3_333))
    assert left == [119, 79, 39, 0]
    assert Points.of(fold(events, programme=programme)[0]).available == 0


def test_what_a_refund_does_not_find_is_debt_and_later_points_settle_it() -> None:
    """MEM-053: not below zero without a record."""
    events = [completed("2025-01-01", "a", 10_000), redeemed("2025-01-02", "r", 70), refund("2025-01-03", "a", 10_000)]
    state, effects = fold(events)
    assert (Points.of(state).available, Points.of(state).debt) == (0, 70)
    assert legs(effects) == {key: amount for key, amount in balances(state).items()}
    later, _ = fold([*events, completed("2025-01-04", "b", 10_000)])
    assert (Points.of(later).available, Points.of(later).debt) == (30, 0)


def test_clamped_at_zero_nothing_is_owed() -> None:
    programme = Programme(points=PointsRules(clamp_at_zero=True))
    events = [completed("2025-01-01", "a", 10_000), redeemed("2025-01-02", "r", 70), refund("2025-01-03", "a", 10_000)]
    state, _ = fold(events, programme=programme)
    assert (Points.of(state).available, Points.of(state).debt) == (0, 0)


def test_a_refund_takes_from_its_own_lot_first_then_from_the_soonest_to_expire() -> None:
    """MEM-053."""
    events = [completed(f"2025-0{m}-05", name, 10_000) for m, name in ((1, "a"), (2, "b"), (3, "c"))]
    state, _ = fold([*events, redeemed("2025-03-10", "r", 150), refund("2025-03-11", "c", 10_000)])
    # "c" is the third order: Senior by then only for what comes after it, so every lot held 100.
    assert {name: lot.available for name, lot in lots(state).items()} == {"b": 50}
    state, _ = fold([*events, redeemed("2025-03-10", "r", 250), refund("2025-03-11", "c", 10_000)])
    assert (lots(state), Points.of(state).debt) == ({}, 50)


def test_another_currency_counts_as_an_order_but_earns_nothing() -> None:
    state, _ = fold([completed("2025-01-01", "a", 900_000, currency="JPY")])
    assert (Points.of(state).available, place(Tiers.of(state).standing), Tiers.of(state).enrolled is not None) == (
        0,
        0,
        True,
    )


def test_what_equals_its_default_is_not_stored_and_comes_back() -> None:
    state, _ = fold([paid("2025-01-01", "a", 10_000)])
    stored = state.model_dump_json(exclude_defaults=True)
    assert MemberState.model_validate_json(stored) == state
    assert "redemptions" not in stored
    assert MemberState().items is not MemberState().items
    assert SUPREME.price < VIP.price


def test_an_amount_restated_in_another_currency_earns_nothing_any_more() -> None:
    events = [
        completed("2025-01-01", "a", 60_000, revision=1),
        completed("2025-01-02", "a", 60_000, revision=2, currency="USD"),
    ]
    state, _ = fold(events)
    assert (Points.of(state).available, Growth.of(state).value, place(Tiers.of(state).standing)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("day", "left"), [("2026-01-31T23:59:59", 200), ("2026-02-01T00:00", 100), ("2026-04-01T00:00", 0)]
)
def test_each_lot_is_gone_at_its_own_time(day: str, left: int) -> None:
    state, _ = fold([completed("2025-01-05", "a", 10_000), completed("2025-03-05", "b", 10_000)], day)
    assert Points.of(state).available == left


def test_what_the_own_lot_lacks_is_taken_from_the_others() -> None:
    """MEM-053."""
    events = [
        completed("2025-01-05", "a", 10_000),
        completed("2025-02-05", "b", 10_000),
        redeemed("2025-02-06", "r", 60),
    ]
    state, _ = fold([*events, refund("2025-02-07", "a", 10_000)])
    assert ({name: lot.available for name, lot in lots(state).items()}, Points.of(state).debt) == (
        {"b": 40},
        0,
    )
