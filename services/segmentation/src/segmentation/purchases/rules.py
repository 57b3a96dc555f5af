"""What an input adds to a customer's history of orders and refunds."""

from __future__ import annotations

from datetime import date
from typing import Any

from common.events import Event
from common.events.activity import Activity
from common.events.orders import OrderEvent, OrderRefunded
from common.events.standing import OrderStanding
from segmentation.customers.state import CustomerState, KnownOrder, Refund


def remember(state: CustomerState, event: Event[Any], today: date) -> None:
    """Take the input's order or refund into the history; `today` is the shop's date of the event."""
    data = event.data
    if isinstance(data, OrderEvent):
        _change(state, data.order_id, event, today)
    elif isinstance(data, OrderRefunded) and data.refund_id not in state.book.refund_ids:
        refund = Refund(data.refund_id, data.order_id, event.time, today, data.amount, data.currency)
        state.refunds.append(refund)
        state.book.take_refund(refund)
        if data.order_id is not None:
            _change(state, data.order_id, event, today)


def shows_interest(data: Any) -> bool:
    """Whether the input says that the customer browsed, inquired or bought (SEG-002)."""
    return isinstance(data, Activity | OrderEvent | OrderRefunded)


def _change(state: CustomerState, order_id: str, event: Event[Any], today: date) -> None:
    """A version or a refund of an order: what it counted for before goes, what it counts for now comes."""
    book, data = state.book, event.data
    place = book.places.get(order_id)
    if place is None:
        place = book.places[order_id] = len(state.orders)
        state.orders.append(KnownOrder(order_id, None, None, 0, "", None, OrderStanding()))
    order = state.orders[place]
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
    state.orders[place] = order
    book.count(order, 1)
    days = book.days
    state.completed, state.buying_days = book.orders, len(days)
    state.first_day, state.last_day = (days[0], days[-1]) if days else (None, None)
