"""What does an input add to a customer's history of orders and refunds?"""

from __future__ import annotations

from datetime import date
from typing import Any

from common.events import Event
from common.events.activity import Activity
from common.events.orders import OrderClosed, OrderCompleted, OrderEvent, OrderRefunded
from segmentation.domain.state import CompletedOrder, CustomerState, Refund


def remember(state: CustomerState, event: Event[Any], today: date) -> None:
    """Take the input's order or refund into the history; `today` is the shop's date of the event."""
    data = event.data
    if isinstance(data, OrderCompleted):
        _complete(state, event, data, today)
    elif isinstance(data, OrderClosed):
        _close(state, data)
    elif isinstance(data, OrderRefunded) and all(each.refund_id != data.refund_id for each in state.refunds):
        state.refunds.append(
            Refund(data.refund_id, data.order_id, event.time, today, data.amount, data.currency),
        )


def shows_interest(data: Any) -> bool:
    """Whether the input says that the customer browsed, inquired or bought (SEG-002)."""
    return isinstance(data, Activity | OrderEvent | OrderRefunded)


def _complete(state: CustomerState, event: Event[Any], data: OrderCompleted, today: date) -> None:
    for index, known in enumerate(state.orders):
        if known.order_id == data.order_id:
            # The order as it stands now; when it was completed does not move.
            if data.revision >= known.revision:
                state.orders[index] = known._replace(
                    paid=data.goods_paid, currency=data.currency, revision=data.revision
                )
            return
    state.orders.append(CompletedOrder(data.order_id, event.time, today, data.goods_paid, data.currency, data.revision))
    if state.first_day is None:
        state.first_day = today
    if state.last_day != today:
        state.buying_days += 1
        state.last_day = today


def _close(state: CustomerState, data: OrderClosed) -> None:
    """An order that is closed after all was no successful transaction."""
    left = [each for each in state.orders if each.order_id != data.order_id or each.revision > data.revision]
    if len(left) < len(state.orders):
        state.orders = left
        days = sorted({each.day for each in left})
        state.first_day, state.last_day = (days[0], days[-1]) if days else (None, None)
        state.buying_days = len(days)
