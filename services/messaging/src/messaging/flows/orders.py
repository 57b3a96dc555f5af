"""Notices of an order's states (placed, paid, shipped, delivered) and of the receipt that is due (MSG-038)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.events import Event, rfc3339
from common.events.orders import OrderEvent, OrderReceiptDue
from messaging.conditions.rules import ORDER_STATES
from messaging.conditions.state import Condition
from messaging.flows.state import Asked, Flow

RECEIPT_DUE = Flow("order_receipt_due", "transactional", 1, ended_in=("completed",))
_BY_STATE = {state: Flow(f"order_{state}", "transactional", 1, order_state=state) for state in ORDER_STATES}
FLOWS = (*_BY_STATE.values(), RECEIPT_DUE)


def asked(event: Event[Any]) -> Sequence[Asked]:
    """One notice for each state of an order, however often the shop sends that state again; one of a receipt due.

    A version marked `again` asks for none: on a channel that the policy names since, it would be a second notice.
    """
    order = event.data
    if isinstance(order, OrderReceiptDue):
        details = {"order_id": order.order_id, "completes_at": rfc3339(order.completes_at)}
        return (Asked(RECEIPT_DUE, f"order/{order.order_id}/receipt_due", event.time, None, details),)
    if not isinstance(order, OrderEvent) or order.state not in _BY_STATE or event.type != f"order.{order.state}":
        return ()
    if order.again:
        return ()
    shipping = {k: v for k, v in (("carrier", order.carrier), ("tracking", order.tracking)) if v is not None}
    details = {"order_id": order.order_id, **shipping}
    return (Asked(_BY_STATE[order.state], f"order/{order.order_id}/{order.state}", event.time, None, details),)


def conditions(event: Event[Any]) -> Sequence[Condition]:
    """None: orders are kept as order news."""
    return ()
