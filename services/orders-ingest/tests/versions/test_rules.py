"""Versions rank by the number of the shop, else by time and state."""

from datetime import UTC, datetime, timedelta
from typing import Any

from common.events import Event
from common.events.orders import OrderCompleted, OrderPaid
from orders_ingest.versions.rules import revision_of


def order(kind: Any, at: Any, version: Any = None) -> Any:
    data = kind(order_id="o", state=kind.TYPE[6:], currency="CNY", goods_paid=1, version=version)
    return Event("e", "/shops/demo/x", "demo", "c", at, data)


def test_versions_rank_by_the_shops_number_else_by_time_then_state() -> None:
    now = datetime(2026, 3, 5, tzinfo=UTC)
    paid, completed = order(OrderPaid, now), order(OrderCompleted, now)
    later = order(OrderPaid, now + timedelta(microseconds=10))
    assert revision_of(paid) < revision_of(completed) < revision_of(later) < 2**53
    assert revision_of(order(OrderPaid, now, version=7)) == 7
