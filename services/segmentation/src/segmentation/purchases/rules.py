"""What an input adds to a customer's purchases."""

from __future__ import annotations

from datetime import date
from typing import Any

from common.events import Event
from common.events.orders import OrderEvent, OrderRefunded
from common.events.standing import OrderStanding
from segmentation.purchases.entries import KnownOrder, Refund
from segmentation.purchases.state import Purchases


def remember(purchases: Purchases, event: Event[Any], today: date) -> None:
    """Take the input's order or refund, in place; `today` is the shop's date of the event. Idempotent for refunds."""
    data = event.data
    if isinstance(data, OrderEvent):
        _change(purchases, data.order_id, event, today)
    elif isinstance(data, OrderRefunded) and data.refund_id not in purchases.book.refund_ids:
        refund = Refund(data.refund_id, data.order_id, event.time, today, data.amount, data.currency)
        purchases.refunds.append(refund)
        purchases.book.take_refund(refund)
        if data.order_id is not None:
            _change(purchases, data.order_id, event, today)


def _change(purchases: Purchases, order_id: str, event: Event[Any], today: date) -> None:
    """A version or a refund of an order: what it counted for before goes, what it counts for now comes."""
    book, data = purchases.book, event.data
    place = book.places.get(order_id)
    if place is None:
        place = book.places[order_id] = len(purchases.orders)
        purchases.orders.append(KnownOrder(order_id, None, None, 0, "", None, OrderStanding()))
    order = purchases.orders[place]
    book.count(order, -1)
    standing = order.standing
    if isinstance(data, OrderRefunded):
        standing.take_refund(data)
    else:
        standing.take(data)
    if standing.said_completed and order.at is None:
        # When it was completed does not move, whatever versions follow.
        order = order._replace(at=event.time, day=today)
    order = order._replace(
        paid=standing.goods, currency=standing.currency, gone=(order.gone or today) if standing.void else None
    )
    purchases.orders[place] = order
    book.count(order, 1)
    days = book.days
    purchases.completed, purchases.buying_days = book.orders, len(days)
    purchases.first_day, purchases.last_day = (days[0], days[-1]) if days else (None, None)
