"""All activity is counted, the first sign of interest is folded; no order, repetition or batch of arrival shows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events import Event
from common.events.activity import Activity, ChatEnded, ProductSearched, ProductViewed
from common.events.customers import CustomerRegistered
from common.events.orders import OrderCompleted, OrderPlaced, OrderRefunded
from common.fold.folding import fold_all, same
from segmentation.activity.rules import first_signs, roll_up
from segmentation.activity.state import Counted, Rollup
from segmentation.attributes.stage.rules import shows_interest
from segmentation.fold import SegmentFolding
from segmentation.shops.state import Shop, shop_with

from ..histories import KEY, KNOWN, START, at, shop

UNTIL = START + timedelta(days=600)
FOLDING = SegmentFolding({"tea": shop_with(shop().settings, KNOWN, START)})
SHOP: Shop = FOLDING.shops["tea"]
data: st.SearchStrategy[Any] = st.sampled_from([
    ProductViewed(), ProductViewed(), ProductSearched(), ChatEnded(seconds=9), CustomerRegistered(),
    OrderPlaced(order_id="o1", state="placed", goods_paid=500, currency="CNY"),
    OrderCompleted(order_id="o1", state="completed", goods_paid=500, currency="CNY"),
    OrderRefunded(refund_id="f1", order_id="o1", amount=500, currency="CNY"),
])  # fmt: skip
histories = st.lists(st.tuples(st.integers(0, 40), data), min_size=1, max_size=10).map(
    lambda drawn: [
        Event(f"e{n}", "/shops/tea/test", *KEY, START + timedelta(days=9 * turn), body)
        for n, (turn, body) in enumerate(drawn)
    ]
)


class Counting:
    """What is kept of one customer: claims, rollups, inputs, and the state that follows from those not held."""

    def __init__(self) -> None:
        self.claimed: dict[str, Event[Any]] = {}
        self.rollups: dict[Rollup, Counted] = {}
        self.inputs: list[Event[Any]] = []
        self.held_from = UNTIL

    def take(self, batch: list[Event[Any]]) -> None:
        new = [event for event in {e.id: e for e in batch}.values() if event.id not in self.claimed]
        self.claimed |= {event.id: event for event in new}
        activities = [event for event in new if isinstance(event.data, Activity)]
        inputs = [event for event in new if not isinstance(event.data, Activity)]
        known = fold_all(FOLDING, [e for e in self.inputs if e.time < self.held_from], None, KEY)[0].interest_at
        interested = [event for event in inputs if shows_interest(event.data)]
        first = first_signs(activities, interested, {KEY: known} if known else {})
        counted = min((each.first_at for each in self.rollups.values()), default=None)
        first = first_signs(first, (), {KEY: counted} if counted else {})
        for name, more in roll_up(activities, {"tea": SHOP.settings}).get(KEY, {}).items():
            was = self.rollups.setdefault(name, more)
            if was is not more:
                self.rollups[name] = Counted(
                    was.count + more.count, min(was.first_at, more.first_at), max(was.last_at, more.last_at)
                )
        self.inputs += [*inputs, *first]


@given(histories, st.randoms(use_true_random=False), st.integers(1, 5), st.integers(0, 40))
def test_any_order_repetition_and_batch_gives_the_same_customer_and_the_same_rollups(
    events: list[Event[Any]], random: Any, size: int, held_from: int
) -> None:
    """Some of it held at first; the customer is the one whose every activity had been folded."""
    arrival = [*events, *random.sample(events, len(events) // 2)]
    random.shuffle(arrival)
    customer = Counting()
    for start in range(0, len(arrival), size):
        customer.held_from = START + timedelta(days=9 * held_from) if start < len(arrival) // 2 else UNTIL
        customer.take(arrival[start : start + size])
    expected, _, _ = fold_all(FOLDING, events, UNTIL, KEY)
    assert same(fold_all(FOLDING, customer.inputs, UNTIL, KEY)[0], expected)
    activities = [event for event in events if isinstance(event.data, Activity)]
    assert customer.rollups == roll_up(activities, {"tea": SHOP.settings}).get(KEY, {})


@given(histories)
def test_of_a_history_in_order_no_more_than_one_activity_is_an_input(events: list[Event[Any]]) -> None:
    customer = Counting()
    for event in sorted(events, key=lambda e: e.order_key):
        customer.take([event])
    assert sum(isinstance(event.data, Activity) for event in customer.inputs) <= 1
    whole, _, _ = fold_all(FOLDING, events, UNTIL, KEY)
    signs: list[datetime] = [event.time for event in events if shows_interest(event.data)]
    assert whole.interest_at == min(signs, default=None)


@pytest.mark.parametrize(
    ("known", "ordered", "expected"),
    [
        (None, None, ["v2"]),
        ("2025-01-05T00:00", None, ["v2"]),
        ("2025-01-02T00:00", None, []),
        ("2025-01-01T00:00", None, []),
        (None, "2025-01-01T12:00", []),
        (None, "2025-01-02T12:00", ["v2"]),
    ],
)
def test_the_earliest_activity_is_an_input_where_no_interest_was_known_by_then(
    events: Any, known: str | None, ordered: str | None, expected: list[str]
) -> None:
    names = {"2025-01-03T00:00": "v1", "2025-01-02T00:00": "v2", "2025-01-04T00:00": "v3"}
    views = [events.viewed("c1", day) for day in names]
    orders = [events.completed("c1", ordered)] if ordered else []
    found = first_signs(views, orders, {KEY: at(known)} if known else {})
    assert [dict(zip([v.id for v in views], names.values(), strict=True))[e.id] for e in found] == expected


def test_a_day_is_the_shops(events: Any) -> None:
    views = [events.viewed("c1", "2025-01-02T23:59"), events.viewed("c1", "2025-01-03T00:00")]
    found = roll_up(views, {"tea": SHOP.settings})[KEY]
    assert [(day.isoformat(), kind, each.count) for (day, kind, _), each in found.items()] == [
        ("2025-01-02", "product.viewed", 1),
        ("2025-01-03", "product.viewed", 1),
    ]
