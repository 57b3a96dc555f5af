"""The orders of a measurement: always the same ones for one seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from common.events import Event
from common.events.orders import OrderCompleted, OrderLine, OrderPaid
from orders_ingest.versions.rules import revision_of

SHOP = "bench"
SPAN = timedelta(days=90)
FIXED_END = datetime(2025, 6, 30, 12, tzinfo=UTC)
"""End of the histories that are read from the log: within them points mature and reviews fall due, as in life."""


def orders(
    seed: int, count: int, customers: int, *, paid: bool, end: datetime = FIXED_END, span: timedelta = SPAN
) -> Iterator[Event[Any]]:
    """`count` orders of `customers` customers within `span` before `end` (aware), in order of time.

    Each is one `order.completed`; with `paid` an `order.paid` of the same order comes 1 s before it. Amounts in cents.
    """
    draw = random.Random(seed)
    step = span / count
    for number in range(count):
        at = end - span + step * number
        customer, order = f"c{draw.randrange(customers):06d}", f"o{seed}-{number:08d}"
        lines = tuple(
            OrderLine(sku=f"sku-{draw.randrange(500):03d}", quantity=draw.randint(1, 3), paid=draw.randint(500, 20_000))
            for _ in range(draw.randint(1, 3))
        )
        amounts: dict[str, Any] = {
            "currency": "CNY",
            "goods_paid": sum(line.paid for line in lines),
            "freight": 800,
            "lines": lines,
        }
        earlier = at - timedelta(seconds=1)
        if paid:
            data = OrderPaid(order_id=order, state="paid", placed_at=earlier, paid_at=earlier, **amounts)
            yield _event(f"{order}-paid", customer, earlier, data)
        done = OrderCompleted(
            order_id=order, state="completed", placed_at=earlier, paid_at=earlier, completed_at=at, **amounts
        )
        yield _event(f"{order}-completed", customer, at, done)


def _event(id_: str, customer: str, at: datetime, data: OrderPaid | OrderCompleted) -> Event[Any]:
    return Event(id_, f"/shops/{SHOP}/backend", SHOP, customer, at, data)


def ranked(event: Event[Any]) -> Event[Any]:
    """As orders-ingest publishes it: with the rank of its version."""
    return event.with_data(event.data.model_copy(update={"revision": revision_of(event)}))
