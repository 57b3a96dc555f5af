"""Uses of coupons follow their orders: the newest version decides, limits hold, what was given back stays so."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from common.events import Event
from common.events.orders import OrderClosed, OrderCompleted, OrderPaid, PromotionUse
from membership.coupons.settling import Use, _moved_by

AT = datetime(2025, 3, 1, tzinfo=UTC)


def version(kind: type[Any], revision: int, *codes: str, amount: int = 500) -> Event[Any]:
    state = kind.TYPE.removeprefix("order.")
    used = tuple(PromotionUse(kind="coupon", code=code, amount=amount) for code in codes)
    data = kind(order_id="o", state=state, currency="CNY", goods_paid=9_000, revision=revision, promotions=used)
    return Event(f"e{revision}", "/shops/tea/web", "tea", "c1", AT, data)


def reserved(status: Any = "reserved", revision: int = -1) -> dict[str, Use]:
    return {"k": Use("tea", "o", "k", "spring", "c1", 500, "CNY", status, None, revision)}


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
        ({}, [NAMED, DONE], "committed", 1),
        ({}, [version(OrderClosed, 1, "k")], None, 0),
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
