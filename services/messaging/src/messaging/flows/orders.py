"""Notices of an order's states: placed, paid, shipped, delivered (MSG-038)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.events import Event
from common.events.orders import OrderEvent
from messaging.conditions.rules import ORDER_STATES
from messaging.conditions.state import Condition
from messaging.flows.state import Asked, Flow

FLOWS = tuple(Flow(f"order_{state}", "transactional", 1, order_state=state) for state in ORDER_STATES)
_BY_STATE = dict(zip(ORDER_STATES, FLOWS, strict=True))


def asked(event: Event[Any]) -> Sequence[Asked]:
    """One notice for each state of an order, however often the shop sends that state again."""
    order = event.data
    if not isinstance(order, OrderEvent) or order.state not in _BY_STATE or event.type != f"order.{order.state}":
        return ()
    shipping = {k: v for k, v in (("carrier", order.carrier), ("tracking", order.tracking)) if v is not None}
    details = {"order_id": order.order_id, **shipping}
    return (Asked(_BY_STATE[order.state], f"order/{order.order_id}/{order.state}", event.time, None, details),)


def conditions(event: Event[Any]) -> Sequence[Condition]:
    """None: orders are kept as order news."""
    return ()
