"""What an order has left to be refunded: goods and freight, each by itself."""

from __future__ import annotations

import pytest

from common.events.orders import OrderRefunded
from orders_ingest.orders.state import KnownOrder
from orders_ingest.refunds.rules import objection


def order(refunded: int = 0, refunded_freight: int = 0) -> KnownOrder:
    found = KnownOrder("ann", False, (0, 0, "", ""), "completed", "CNY", 500, 100)
    found.refunded, found.refunded_freight = refunded, refunded_freight
    return found


@pytest.mark.parametrize(
    ("amount", "freight", "given", "slug"),
    [
        (500, 100, (0, 0), None),
        (0, 100, (500, 0), None),
        (0, 101, (0, 0), "refund_exceeds_paid"),
        (0, 1, (0, 100), "refund_exceeds_paid"),
        (500, 0, (0, 100), None),
        (501, 0, (0, 0), "refund_exceeds_paid"),
        (1, 0, (500, 0), "refund_exceeds_paid"),
    ],
)
def test_goods_and_freight_are_bounded_each_by_what_was_paid_for_it(
    amount: int, freight: int, given: tuple[int, int], slug: str | None
) -> None:
    refund = OrderRefunded(refund_id="r", order_id="o", amount=amount, freight=freight, currency="CNY")
    found = objection(refund, order(*given))
    assert (None if found is None else found.slug) == slug
