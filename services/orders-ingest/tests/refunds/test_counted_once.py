"""Refunds told singly and as a sum of all, by webhooks and exports, in every order: what was paid back counts once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events import Event
from common.events.orders import OrderRefunded
from orders_ingest.orders.state import KnownOrder
from orders_ingest.refunds.rules import NothingMore, RefundKnown, received
from orders_ingest.refunds.state import KnownRefund, paid_back, said_of

START = datetime(2026, 3, 1, tzinfo=UTC)
GOODS, FREIGHT = 5000, 600


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def single(name: str, on: int, amount: int, freight: int = 0, **more: Any) -> Event[OrderRefunded]:
    data = OrderRefunded(refund_id=name, order_id="o", amount=amount, freight=freight, currency="EUR", **more)
    return Event(name, "/shops/demo/shopify", "demo", None, day(on), data)


def in_all(on: int, back: int) -> Event[OrderRefunded]:
    """As the layouts of exports say it: of goods, and what is more of freight."""
    return single(f"o-exported-{back}", 0, min(back, GOODS), max(0, back - GOODS), in_all_at=day(on))


class Told:
    """An order to which refunds come, each as intake takes it; known anew before each, as another process reads it."""

    def __init__(self) -> None:
        self.refunds: dict[str, KnownRefund] = {}
        self.counted: list[Event[OrderRefunded]] = []

    def order(self) -> KnownOrder:
        order = KnownOrder("ann", False, (0, 0, "", ""), "completed", "EUR", GOODS, FREIGHT)
        for event in self.counted:
            data = event.data
            back = paid_back(event.time, data.amount + data.freight, said_of(event))
            order.pay_back(data.amount, data.freight, back)
        return order

    def come(self, event: Event[OrderRefunded]) -> bool:
        name = event.data.refund_id
        try:
            refund = received(self.refunds.get(name), event, b"", self.order())
        except (RefundKnown, NothingMore):
            return False
        assert (refund.state, refund.event is not None) == ("counted", True)
        self.refunds[name] = refund
        self.counted += [refund.event] if refund.event is not None else []
        return True

    @property
    def back(self) -> int:
        order = self.order()
        assert order.refunded <= GOODS
        assert order.refunded_freight <= FREIGHT
        return order.refunded + order.refunded_freight


@pytest.mark.parametrize(
    ("came", "back"),
    [
        ([single("901", 1, 400), in_all(5, 400)], 400),
        ([in_all(5, 400), single("901", 1, 400)], 400),
        ([in_all(5, 200), in_all(9, 500)], 500),
        ([in_all(9, 500), in_all(5, 200)], 500),
        ([in_all(5, 400), in_all(9, 400)], 400),
        ([single("901", 1, 400), in_all(5, 1000)], 1000),
        ([in_all(5, 1000), single("901", 1, 400), single("902", 2, 600)], 1000),
        ([in_all(5, 400), single("902", 6, 600)], 1000),
        ([in_all(5, 400), single("901", 1, 400), single("902", 6, 600), in_all(9, 1000)], 1000),
        ([single("901", 1, 0, 600), in_all(5, 600)], 600),
        ([in_all(5, 600), single("901", 1, 0, 600), single("902", 6, 5000)], 5600),
        ([in_all(5, 600), single("902", 6, 5000)], 5600),
        ([single("901", 1, 400), single("902", 1, 400)], 800),
    ],
)
def test_what_was_paid_back_counts_once_whichever_says_it_first(came: list[Event[OrderRefunded]], back: int) -> None:
    """ORD-035."""
    told = Told()
    for event in came + came:
        told.come(event)
    assert told.back == back


def test_a_refund_that_a_sum_had_counted_stands_with_its_lines() -> None:
    """By lines it is judged whether the order came back whole."""
    told = Told()
    told.come(in_all(5, 400))
    lines = [{"sku": "cup", "quantity": 1, "paid": 500}]
    assert told.come(single("901", 1, 500, lines=lines))
    data = told.counted[-1].data
    assert (data.amount, data.counted_before, [line.sku for line in data.lines]) == (100, 400, ["cup"])


def test_what_a_shop_says_had_counted_before_is_ours_to_say() -> None:
    told = Told()
    told.come(single("901", 1, 500, counted_before=300))
    assert told.counted[-1].data.counted_before == 0
    assert told.back == 500


SINGLES = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 900), st.integers(0, 100), st.booleans()), max_size=5)


@given(SINGLES, st.lists(st.integers(1, 20), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_any_order_of_exports_and_webhooks_comes_to_the_same(
    made: list[tuple[int, int, int, bool]], exports: list[int], random: Any
) -> None:
    """ORD-035: exports say all that was paid back by then, webhooks some of the refunds; repeats change nothing."""
    came = [single(f"r{n}", on, amount, freight) for n, (on, amount, freight, told) in enumerate(made) if told]
    for on in exports:
        if back := sum(amount + freight for at, amount, freight, _ in made if at <= on):
            came.append(in_all(on, back))
    last = max(exports)
    expected = sum(amount + freight for at, amount, freight, told in made if told or at <= last)
    came *= 2
    random.shuffle(came)
    told = Told()
    for event in came:
        told.come(event)
    assert told.back == expected
