"""Redemptions at every boundary: what burns, what comes back and with which expiry (MEM-050, MEM-052, MEM-053)."""

from __future__ import annotations

from typing import Any

import pytest

from common.events.membership import RedemptionReturned
from common.events.orders import OrderClosed
from membership.fold import MemberState
from membership.ledger.legs import Balances
from membership.member import Member
from membership.points.books import Books, balances
from membership.points.redemption import FORGIVEN, MISSING, give_back, most_points, redeem, worth
from membership.points.state import LOT, REDEMPTION, Burn, Points
from membership.programme.programme import ONE, PointsRules

from ..stories import at, completed, event, fold, lots, order, paid, redeemed, redemption, refund, rules


def test_points_redeemed_on_an_order_that_was_closed_before_come_back_at_once() -> None:
    events = [completed("2025-01-01", "a", 10_000), order(OrderClosed, "2025-01-02", "b", 10_000)]
    state, _ = fold([*events, redeemed("2025-01-03", "r", 80, "b")])
    assert (Points.of(state).available, redemption(state).returned) == (100, 80)


def test_soonest_expiry_burns_first_of_equals_the_oldest_lot() -> None:
    events = [completed("2025-01-20", "new", 10_000), completed("2025-01-05", "old", 10_000)]
    state, _ = fold([*events, redeemed("2025-02-01", "r", 130)])
    assert [(b.lot, b.points) for b in redemption(state).burns] == [("old", 100), ("new", 30)]


def test_redeemed_points_come_back_pro_rata_last_burnt_first_with_their_old_expiry() -> None:
    """MEM-053: a refund returns redeemed points."""
    events = [
        completed("2025-01-05", "a", 10_000),
        completed("2025-02-05", "b", 10_000),
        redeemed("2025-03-01", "r", 150, "c"),
        paid("2025-03-01T13:00", "c", 30_000, redemption_id="r"),
        refund("2025-03-02", "c", 10_000),
    ]
    state, _ = fold(events)
    assert (redemption(state).returned, lots(state)["b"].available) == (50, 100)
    state, _ = fold([*events, refund("2025-03-03", "c", 20_000)])
    assert {n: (lot.available, lot.expires) for n, lot in lots(state).items()} == {
        "a": (100, at("2026-02-01T00:00")),
        "b": (100, at("2026-03-01T00:00")),
    }


def test_returned_points_last_at_least_seven_days() -> None:
    events = [completed("2025-01-05", "a", 10_000), redeemed("2026-01-30", "r", 60)]
    back = event("2026-01-31", RedemptionReturned(redemption_id="r"))
    state, _ = fold([*events, back])
    assert {n: (lot.available, lot.expires) for n, lot in lots(state).items()} == {
        "a": (40, at("2026-02-01T00:00")),
        "a|20260207T160000": (60, at("2026-02-08T00:00")),
    }


def test_a_promise_is_kept_when_late_news_takes_the_points() -> None:
    """MEM-052, MEM-053, architecture section 2 point 4: the redemption stands, what is missing is debt."""
    events = [completed("2025-01-05", "a", 10_000), redeemed("2025-01-10", "r", 100)]
    state, _ = fold([*events, refund("2025-01-07", "a", 10_000)])
    assert (Points.of(state).available, Points.of(state).debt, Points.of(state).redeemed) == (0, 100, 100)
    back, _ = fold(
        [*events, refund("2025-01-07", "a", 10_000), event("2025-01-11", RedemptionReturned(redemption_id="r"))]
    )
    assert (Points.of(back).available, Points.of(back).debt, Points.of(back).redeemed) == (0, 0, 0)


@pytest.mark.parametrize(
    ("total", "currency", "most"), [(10_000, "CNY", 5_000), (9_999, "CNY", 4_999), (300, "JPY", 15_000)]
)
def test_at_most_half_of_an_order_is_paid_with_points(total: int, currency: str, most: int) -> None:
    """MEM-052; 100 points are worth 1.00."""
    assert most_points(total, PointsRules(), currency) == most
    assert worth(most, PointsRules(), currency) <= total // 2


@pytest.mark.parametrize(
    ("points", "per_unit_worth", "currency", "minor"),
    [
        (1, 100, "CNY", 1),
        (99, 100, "CNY", 99),
        (1, 3, "CNY", 33),
        (3, 3, "CNY", 100),
        (199, 100, "JPY", 1),
        (1, 1, "KWD", 1_000),
        (0, 100, "CNY", 0),
    ],
)
def test_points_are_worth_a_whole_number_of_minor_units_rounded_down(
    points: int, per_unit_worth: int, currency: str, minor: int
) -> None:
    """MEM-052: the exchange rate is the programme's."""
    assert worth(points, PointsRules(per_unit_worth=per_unit_worth), currency) == minor


@pytest.mark.parametrize(
    ("total", "share", "most"),
    [(1, 5_000, 0), (2, 5_000, 1), (10_000, 0, 0), (10_000, ONE, 10_000), (9_999, 3_333, 3_332)],
)
def test_the_share_of_an_order_is_rounded_down(total: int, share: int, most: int) -> None:
    """MEM-052: the cap is the programme's."""
    assert most_points(total, PointsRules(largest_share=share), "CNY") == most


def member(*of: tuple[str, int, str], debt: int = 0) -> Member:
    """Lots of (name, points, month of expiry), all available since long ago."""
    made = MemberState()
    points = Points.of(made)
    points.debt = debt
    for name, held, month in of:
        lot = LOT.change(made, name)
        lot.available, lot.expires, lot.since = held, at(f"{month}-01T00:00"), at("2024-01-01")
        points.available += held
    points.issued = debt - points.available
    return made


@pytest.mark.parametrize(
    ("points", "clamp", "burns", "left", "debt"),
    [
        (1, False, [("a", 1)], {"a": 99, "b": 50}, 0),
        (100, False, [("a", 100)], {"b": 50}, 0),
        (101, False, [("a", 100), ("b", 1)], {"b": 49}, 0),
        (150, False, [("a", 100), ("b", 50)], {}, 0),
        (151, False, [("a", 100), ("b", 50), (MISSING, 1)], {}, 1),
        (151, True, [("a", 100), ("b", 50), (FORGIVEN, 1)], {}, 0),
    ],
)
def test_burning_up_to_a_lot_the_next_lot_and_beyond_all(
    points: int, clamp: bool, burns: list[tuple[str, int]], left: dict[str, int], debt: int
) -> None:
    state = member(("b", 50, "2026-02"), ("a", 100, "2026-01"))
    legs: Balances = {}
    redeem(Books(state, legs), "r", points, clamp=clamp)
    assert sum(legs.values()) == 0
    assert [(burn.lot, burn.points) for burn in redemption(state).burns] == burns
    assert ({name: lot.available for name, lot in lots(state).items()}, Points.of(state).debt) == (left, debt)
    assert (Points.of(state).redeemed, redemption(state).points, redemption(state).returned) == (points, points, 0)


@pytest.mark.parametrize(
    ("totals", "returned", "left"),
    [
        ([0], 0, {}),
        ([1], 1, {"b": 1}),
        ([50], 50, {"b": 50}),
        ([51], 51, {"b": 50, "a": 1}),
        ([51, 51], 51, {"b": 50, "a": 1}),
        ([51, 20], 51, {"b": 50, "a": 1}),
        ([20, 51, 150], 150, {"b": 50, "a": 100}),
        ([151], 150, {"b": 50, "a": 100}),
    ],
)
def test_what_is_given_back_only_rises_and_never_beyond_what_was_spent(
    totals: list[int], returned: int, left: dict[str, int]
) -> None:
    """MEM-053: the last burnt lot first, cumulative, whatever is repeated."""
    state = member(("b", 50, "2026-02"), ("a", 100, "2026-01"))
    books = Books(state, {})
    redeem(books, "r", 150, clamp=False)
    for total in totals:
        give_back(books, "r", total, rules(), at("2025-06-01"))
    assert redemption(state).returned == returned
    assert {name: lot.available for name, lot in lots(state).items() if lot.available} == left
    assert sum(burn.points for burn in redemption(state).burns) == 150 - returned
    assert all(burn.points for burn in redemption(state).burns)


@pytest.mark.parametrize(
    ("day", "expiry"),
    [
        ("2025-12-24T23:59:59", "2026-01-01T00:00"),
        ("2025-12-25T00:00", "2026-01-01T00:00"),
        ("2025-12-25T00:00:01", "2026-01-02T00:00"),
        ("2025-12-31", "2026-01-08T00:00"),
        ("2026-06-01", "2026-06-09T00:00"),
    ],
)
def test_the_old_expiry_stands_until_less_than_seven_days_are_left_of_it(day: str, expiry: str) -> None:
    state = member(("a", 100, "2026-01"))
    books = Books(state, {})
    redeem(books, "r", 100, clamp=False)
    give_back(books, "r", 100, rules(), at(day))
    assert [(lot.available, lot.expires, lot.since) for lot in lots(state).values() if lot.available] == [
        (100, at(expiry), at("2024-01-01"))
    ]


@pytest.mark.parametrize(
    ("lot", "debt", "available", "left"),
    [(MISSING, 60, 0, 0), (MISSING, 61, 0, 1), (MISSING, 59, 1, 0), (MISSING, 0, 60, 0), (FORGIVEN, 5, 0, 5)],
)
def test_what_was_missing_comes_back_against_the_debt_first(lot: str, debt: int, available: int, left: int) -> None:
    """Forgiven points were never there, so they do not come back; of missing ones the rest comes as new points."""
    state = member(debt=debt)
    REDEMPTION.change(state, "r").points, REDEMPTION.change(state, "r").burns = 60, [Burn(lot, 60)]
    Points.of(state).redeemed = 60
    books = Books(state, {})
    give_back(books, "r", 60, rules(), at("2025-06-01"))
    assert (Points.of(state).available, Points.of(state).debt, Points.of(state).redeemed) == (available, left, 0)
    fresh = {name: (held.available, held.expires) for name, held in lots(state).items() if held.available}
    assert fresh == ({"|r": (available, at("2026-07-01T00:00"))} if available else {})


@pytest.mark.parametrize(
    ("goods", "refunded", "returned"), [(30_000, 299, 0), (30_000, 300, 1), (30_000, 29_999, 99), (30_000, 30_000, 100)]
)
def test_a_refund_in_part_returns_its_share_rounded_down(goods: int, refunded: int, returned: int) -> None:
    """MEM-053."""
    events: list[Any] = [
        completed("2025-01-01", "a", 10_000),
        redeemed("2025-01-02", "r", 100, "b"),
        paid("2025-01-03", "b", goods),
        refund("2025-01-04", "b", refunded),
    ]
    assert redemption(fold(events)[0]).returned == returned


def test_a_redemption_of_one_id_counts_once() -> None:
    events = [completed("2025-01-01", "a", 10_000), redeemed("2025-01-02", "r", 30), redeemed("2025-01-03", "r", 40)]
    state, _ = fold(events)
    assert (Points.of(state).available, Points.of(state).redeemed, balances(state)["redeemed", ""]) == (
        70,
        30,
        30,
    )
