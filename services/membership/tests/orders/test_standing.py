"""Orders closed, reopened, refunded whole, in another currency, or of amount 0: what they leave of a member."""

from __future__ import annotations

from typing import Any

import pytest

from common.events.orders import OrderClosed, OrderLine, OrderRefunded
from membership.points.state import Points
from membership.programme.programme import PointsRules, Programme
from membership.tiers.state import Tiers

from ..stories import completed, event, fold, known_order, order, paid, place, redeemed, redemption, refund


def refunded(when: str, name: str | None, amount: int, **more: Any) -> Any:
    given = {"refund_id": f"{name}-{when}", "currency": "CNY", **more}
    return event(when, OrderRefunded(order_id=name, amount=amount, **given))


def test_a_refund_in_another_currency_takes_nothing() -> None:
    state, _ = fold([completed("2025-01-01", "a", 60_000), refunded("2025-02-01", "a", 60_000, currency="JPY")])
    assert (Points.of(state).available, known_order(state).counts, place(Tiers.of(state).standing)) == (
        600,
        True,
        1,
    )


def test_a_refund_of_one_id_counts_once() -> None:
    twice = [refunded(f"2025-02-0{day}", "a", 1_000, refund_id="x") for day in (1, 2)]
    assert Points.of(fold([completed("2025-01-01", "a", 60_000), *twice])[0]).available == 590


def test_a_completion_older_than_the_closing_completes_nothing() -> None:
    """The highest revision decides, whichever came last."""
    events = [paid("2025-01-01", "a", 10_000, revision=1), order(OrderClosed, "2025-01-02", "a", 10_000, revision=5)]
    state, _ = fold([*events, completed("2025-01-03", "a", 10_000, revision=4)])
    assert (
        Points.of(state).available,
        Points.of(state).pending,
        Tiers.of(state).enrolled,
        known_order(state).completed_at,
    ) == (0, 0, None, None)


def test_an_order_closed_by_mistake_counts_again_from_the_version_that_says_so() -> None:
    events = [
        completed("2025-01-01", "a", 60_000, revision=1),
        order(OrderClosed, "2025-01-02", "a", 60_000, revision=2),
    ]
    closed, _ = fold(events)
    again, _ = fold([*events, paid("2025-01-03", "a", 60_000, revision=3)])
    assert (Points.of(closed).available, place(Tiers.of(closed).standing)) == (0, 0)
    assert (Points.of(again).available, place(Tiers.of(again).standing), known_order(again).counts) == (
        600,
        1,
        True,
    )


FREE = [completed(f"2025-01-0{day}", f"o{day}", 0) for day in (1, 2, 3)]


@pytest.mark.parametrize(
    ("back", "level"),
    [
        (refunded("2025-01-04", "o3", 0), 0),
        (refunded("2025-01-04", "o3", 0, freight=500), 1),
        (refunded("2025-01-04", "o3", 0, whole=True), 0),
        (refunded("2025-01-04", None, 0, whole=True), 1),
    ],
)
def test_a_free_order_counts_until_it_is_refunded_whole(back: Any, level: int) -> None:
    """Of nothing paid, 0 is the whole; freight alone says nothing of the goods."""
    assert place(Tiers.of(fold([*FREE, back])[0]).standing) == level


@pytest.mark.parametrize(("quantity", "level"), [(1, 1), (2, 0)])
def test_a_free_order_whose_lines_have_all_come_back_counts_for_nothing(quantity: int, level: int) -> None:
    third = completed("2025-01-03", "o3", 0, lines=[OrderLine(sku="tea", quantity=2)])
    back = refunded("2025-01-04", "o3", 0, lines=[OrderLine(sku="tea", quantity=quantity)])
    assert place(Tiers.of(fold([*FREE[:2], third, back])[0]).standing) == level


@pytest.mark.parametrize("said", [{}, {"whole": True}])
def test_an_order_paid_wholly_with_points_gives_them_back_when_it_is_refunded_whole(said: Any) -> None:
    programme = Programme(points=PointsRules(largest_share=10_000))
    events = [
        completed("2025-01-01", "a", 10_000),
        redeemed("2025-01-02", "r", 100, "b"),
        paid("2025-01-02T13:00", "b", 0, redemption_id="r"),
        completed("2025-01-03", "b", 0, redemption_id="r"),
    ]
    spent, _ = fold(events, programme=programme)
    back, _ = fold([*events, refunded("2025-01-04", "b", 0, **said)], programme=programme)
    assert (Points.of(spent).available, redemption(spent).status) == (0, "committed")
    assert (Points.of(back).available, redemption(back).status) == (100, "returned")


def test_an_order_refunded_whole_before_it_completes_makes_no_member() -> None:
    state, _ = fold([refund("2025-01-01", "a", 10_000), completed("2025-01-02", "a", 10_000)])
    assert (Tiers.of(state).enrolled, Points.of(state).available) == (None, 0)


def test_points_that_expired_unspent_are_not_taken_a_second_time() -> None:
    state, _ = fold([completed("2025-01-05", "a", 10_000), refund("2026-03-01", "a", 10_000)], "2026-03-02")
    assert (Points.of(state).available, Points.of(state).debt, Points.of(state).expired) == (0, 0, 100)


def test_what_expired_counts_as_taken_and_the_rest_comes_from_elsewhere() -> None:
    """Of 100 points 30 were spent and 70 expired: a whole refund asks for the 30 alone."""
    events = [
        completed("2025-01-05", "a", 10_000),
        redeemed("2025-01-10", "r", 30),
        completed("2026-01-10", "b", 9_000),
    ]
    state, _ = fold([*events, refund("2026-03-01", "a", 10_000)], "2026-03-02")
    assert (Points.of(state).available, Points.of(state).debt) == (60, 0)
    half, _ = fold([*events, refund("2026-03-01", "a", 5_000)], "2026-03-02")
    assert (Points.of(half).available, Points.of(half).debt) == (90, 0)


@pytest.mark.parametrize(
    ("amount", "currency", "day", "level"),
    [
        (1, "CNY", "2025-03-01", 1),
        (10_001, "CNY", "2025-03-01", 0),
        (10_001, "USD", "2025-03-01", 1),
        (10_001, "CNY", "2025-03-03", 1),
    ],
)
def test_a_refund_of_no_order_lessens_the_spend_from_its_own_time_on(
    amount: int, currency: str, day: str, level: int
) -> None:
    """Spend of 300.00 and 210.00 reaches Senior, unless more than 10.00 went back before the second order."""
    events = [completed("2025-01-01", "a", 30_000), completed("2025-03-02", "b", 21_000)]
    state, _ = fold([*events, refunded(day, None, amount, currency=currency)], "2025-04-01")
    assert place(Tiers.of(state).standing) == level


def test_a_refund_of_no_order_is_seen_by_the_review() -> None:
    events = [completed("2025-01-01", "a", 50_000), completed("2025-03-02", "b", 50_000)]
    kept, _ = fold(events, "2026-01-02")
    lost, _ = fold([*events, refunded("2025-05-01", None, 100)], "2026-01-02")
    assert (Tiers.of(kept).standing.grace, Tiers.of(lost).standing.grace is not None) == (None, True)
