"""Uses of coupons follow their orders: the newest version decides, limits hold, what was given back stays so."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from common.events import Event
from common.events.orders import OrderClosed, OrderCompleted, OrderPaid, OrderRefunded, PromotionUse
from membership.coupons.settling import Use, _moved_by, _refunded
from membership.orders.state import Order

AT = datetime(2025, 3, 1, tzinfo=UTC)


def version(kind: type[Any], revision: int, *codes: str, amount: int = 500) -> Event[Any]:
    state = kind.TYPE.removeprefix("order.")
    used = tuple(PromotionUse(kind="coupon", code=code, amount=amount) for code in codes)
    data = kind(order_id="o", state=state, currency="CNY", goods_paid=9_000, revision=revision, promotions=used)
    return Event(f"e{revision}", "/shops/tea/web", "tea", "c1", AT, data)


def reserved(status: Any = "reserved", revision: int = -1) -> dict[str, Use]:
    return {"k": Use("tea", "o", "k", "spring", "c1", 500, "CNY", status, None, revision, None, True)}


PAID, DONE, CLOSED = version(OrderPaid, 1), version(OrderCompleted, 2), version(OrderClosed, 3)
NAMED = version(OrderPaid, 1, "k")


@pytest.mark.parametrize(
    ("uses", "events", "expected", "counted"),
    [
        (reserved(), [], "reserved", 1),
        (reserved(), [PAID], "committed", 1),
        (reserved(), [PAID, DONE], "committed", 1),
        (reserved(), [PAID, CLOSED], "released", 0),
        (reserved(), [CLOSED, PAID], "released", 0),
        (reserved(), [CLOSED, version(OrderPaid, 4)], "committed", 1),
        (reserved("released"), [PAID, DONE], "released", 0),
        (reserved("released"), [NAMED], "committed", 1),
        ({}, [NAMED], "committed", 1),
        ({}, [NAMED, version(OrderCompleted, 2, "k")], "committed", 1),
        ({}, [NAMED, DONE], "released", 0),
        ({}, [version(OrderCompleted, 2, "k"), version(OrderPaid, 1)], "committed", 1),
        ({}, [version(OrderClosed, 2, "k")], "released", 0),
        ({}, [version(OrderClosed, 2, "k"), NAMED], "released", 0),
        ({}, [version(OrderPaid, 1, "stranger")], None, 0),
    ],
)
def test_a_use_is_what_the_newest_version_of_its_order_makes_it(
    uses: dict[str, Use], events: list[Event[Any]], expected: str | None, counted: int
) -> None:
    count = sum(use.counted for use in uses.values())
    coupon = SimpleNamespace(uses=count, use_limit=1, offer_id="spring")
    offer = SimpleNamespace(uses=count, spent=500 * count, use_limit=None, budget=None)
    for event in events:
        _moved_by(event, uses, {("tea", "k"): coupon}, {("tea", "spring"): offer})
    assert (uses["k"].status if "k" in uses else None) == expected
    assert (coupon.uses, offer.uses, offer.spent) == (counted, counted, 500 * counted)


@pytest.mark.parametrize(
    ("taken", "budget", "status", "spent"),
    [(0, None, "committed", 700), (1, None, "over_limit", 0), (0, 699, "over_limit", 0), (0, 700, "committed", 700)],
)
def test_a_code_that_an_order_names_counts_within_the_limits(
    taken: int, budget: int | None, status: str, spent: int
) -> None:
    coupon = SimpleNamespace(uses=taken, use_limit=1, offer_id="spring")
    offer = SimpleNamespace(uses=taken, spent=0, use_limit=None, budget=budget)
    uses: dict[str, Use] = {}
    _moved_by(version(OrderPaid, 1, "k", amount=700), uses, {("tea", "k"): coupon}, {("tea", "spring"): offer})
    assert (uses["k"].status, uses["k"].amount, offer.spent) == (status, 700, spent)


def test_what_was_reserved_stays_promised_at_its_amount() -> None:
    """An order that says more than the budget bears keeps what the checkout promised."""
    coupon = SimpleNamespace(uses=1, use_limit=1, offer_id="spring")
    offer = SimpleNamespace(uses=1, spent=500, use_limit=None, budget=600)
    uses = reserved()
    _moved_by(version(OrderPaid, 1, "k", amount=700), uses, {("tea", "k"): coupon}, {("tea", "spring"): offer})
    assert (uses["k"].status, uses["k"].amount, offer.spent) == ("committed", 500, 500)


def rows(budget: int | None = None) -> tuple[dict[Any, Any], dict[Any, Any]]:
    coupon = SimpleNamespace(uses=0, use_limit=1, offer_id="spring")
    offer = SimpleNamespace(uses=0, spent=0, use_limit=None, budget=budget)
    return {("tea", "k"): coupon}, {("tea", "spring"): offer}


def test_what_one_order_says_of_a_code_line_by_line_is_added_up() -> None:
    coupons, offers = rows()
    uses: dict[str, Use] = {}
    _moved_by(version(OrderPaid, 1, "k", "k", amount=250), uses, coupons, offers)
    assert (uses["k"].amount, offers["tea", "spring"].spent) == (500, 500)


def test_amounts_in_another_currency_count_for_nothing_of_a_budget() -> None:
    """The code is used, since a code of one use is used whatever it took off."""
    coupons, offers = rows(budget=600)
    uses: dict[str, Use] = {}
    _moved_by(version(OrderPaid, 1, "k", amount=90_000), uses, coupons, offers, None, "EUR")
    assert (uses["k"].status, uses["k"].paid, offers["tea", "spring"].spent) == ("committed", None, 0)
    assert coupons["tea", "k"].uses == 1


def test_a_version_that_is_not_the_newest_names_nothing_any_more() -> None:
    """Arrival does not matter: the newest version, which names no code, came before."""
    coupons, offers = rows()
    uses: dict[str, Use] = {}
    standing = Order(revision=2, state="paid", currency="CNY", goods=9_000)
    _moved_by(NAMED, uses, coupons, offers, standing)
    assert (uses, offers["tea", "spring"].uses) == ({}, 0)


def test_an_order_that_is_refunded_whole_counts_for_nothing_and_a_partial_refund_for_what_remains() -> None:
    coupons, offers = rows()
    uses: dict[str, Use] = {}
    _moved_by(NAMED, uses, coupons, offers)
    standing = Order(revision=1, state="paid", currency="CNY", goods=9_000)

    def refunded(name: str, amount: int) -> None:
        data = OrderRefunded(refund_id=name, order_id="o", amount=amount, currency="CNY")
        standing.take_refund(data)
        _refunded(Event(name, "/shops/tea/web", "tea", "c1", AT, data), uses, coupons, offers, standing)

    refunded("f1", 4_000)
    assert (uses["k"].status, uses["k"].paid) == ("committed", 5_000)
    refunded("f2", 5_000)
    assert (uses["k"].status, offers["tea", "spring"].uses, offers["tea", "spring"].spent) == ("released", 0, 0)
    # A later version of the order, which is still refunded whole, changes nothing of that.
    _moved_by(version(OrderCompleted, 2, "k"), uses, coupons, offers, standing)
    assert (uses["k"].status, coupons["tea", "k"].uses) == ("released", 0)
