"""How fast and how right an order came, and whether when it was promised (ORD-032 to 034)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.events.orders import OrderFields
from orders_ingest.orders.fulfilment import fulfilment_of, promise_of
from orders_ingest.orders.state import Told

PAID = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def order(state: str = "delivered", **fields: Any) -> OrderFields:
    return OrderFields.model_validate({"state": state, "currency": "CNY", "goods_paid": 100, **fields})


def test_seconds_are_counted_between_the_orders_own_times() -> None:
    found = fulfilment_of(
        order(paid_at=PAID, shipped_at=PAID + 5 * HOUR, delivered_at=PAID + 29 * HOUR, carrier="SF"),
        {},
        PAID + 99 * HOUR,
    )
    assert (found.shipping_seconds, found.delivery_seconds, found.accurate) == (5 * 3600, 24 * 3600, True)
    assert (found.carrier, found.status) == ("SF", None)
    unknown = fulfilment_of(order("shipped", shipped_at=PAID), {}, PAID)
    assert (unknown.shipping_seconds, unknown.delivery_seconds, unknown.accurate) == (None, None, None)
    backwards = fulfilment_of(order(paid_at=PAID, shipped_at=PAID - HOUR), {}, PAID)
    assert backwards.shipping_seconds is None


def test_seconds_are_counted_between_the_times_at_which_states_were_told_where_the_order_names_none() -> None:
    """ORD-033: a shop that sends events names the time of each state once."""
    told = Told(PAID, PAID + 5 * HOUR, PAID + 29 * HOUR)
    found = fulfilment_of(order("completed", promised_by=PAID + 30 * HOUR), {}, PAID + 99 * HOUR, told)
    assert (found.shipping_seconds, found.delivery_seconds, found.promise) == (5 * 3600, 24 * 3600, "kept")
    named = fulfilment_of(order("completed", shipped_at=PAID + HOUR), {}, PAID + 99 * HOUR, told)
    assert (named.shipping_seconds, named.delivery_seconds) == (3600, 28 * 3600), "what it names goes first"


@pytest.mark.parametrize(
    ("kind", "code", "accurate"),
    [
        ("order.returned", "wrong_item", False),
        ("order.reshipped", "wrong_address", False),
        ("order.exchanged", "wrong_item", False),
        ("order.returned", "size", True),
        ("order.returned", None, True),
    ],
)
def test_what_came_back_as_wrong_was_not_delivered_accurately(kind: str, code: str | None, accurate: bool) -> None:
    assert fulfilment_of(order(), {kind: [{"reason_code": code}]}, PAID).accurate is accurate


def test_the_carriers_newest_word_goes_before_the_shops() -> None:
    words = [{"status": "accepted", "tracking": "A", "time": PAID}, {"status": "customs", "time": PAID + HOUR}]
    found = fulfilment_of(order("shipped", carrier="SF", tracking="B"), {"order.logistics_updated": words}, PAID)
    assert (found.status, found.status_at, found.carrier, found.tracking) == ("customs", PAID + HOUR, "SF", "B")


@pytest.mark.parametrize(
    ("state", "delivered", "now", "promise"),
    [
        ("shipped", None, 0, "open"),
        ("shipped", None, 1, "broken"),
        ("delivered", 1, 9, "kept"),
        ("delivered", 2, 9, "broken"),
        ("completed", None, 9, None),
        ("closed", None, 9, None),
    ],
)
def test_a_promise_is_kept_up_to_its_instant(state: str, delivered: int | None, now: int, promise: str | None) -> None:
    """ORD-034: promised for hour 1."""
    at = None if delivered is None else PAID + delivered * HOUR
    said = order(state, promised_by=PAID + HOUR, delivered_at=at)
    assert promise_of(said, PAID + now * HOUR) == promise
    assert promise_of(order(state), PAID) is None
