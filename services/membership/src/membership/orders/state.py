"""A member's orders as membership knows them, and refunds of orders that nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple

from common.events.standing import OrderStanding
from membership.member import PartState, Share

FINE = 1000
"""Spend is summed in thousandths of the currency unit."""


@dataclass(slots=True)
class Order(OrderStanding):
    """An order, or the refund that came before it. Amounts in minor units; `unit` of them are 1.00.

    `unit` 0: paid in another currency than the shop's then, so it counts as an order and earns nothing by its amount.
    """

    unit: int = 100
    paid_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(slots=True)
class Unmatched:
    """A refund of no known order, in thousandths of its currency: it lessened the spend at its own time."""

    spend: int = 0


@dataclass(slots=True)
class Orders(PartState):
    """`counting`: completed orders that count."""

    NAME: ClassVar[str] = "orders"
    counting: int = 0


ORDER = Share("order", "order", Order)
"""Each order, by its id."""
UNMATCHED = Share("refund", "unmatched", Unmatched)
"""Each refund of no known order, by its id."""


class OrderChange(NamedTuple):
    """What one input did to one order. `completed`: it completed by this input. `counted`: it counted before it.

    `was_in`: the currency in which it had completed before it.
    """

    order_id: str
    order: Order
    completed: bool
    counted: bool
    was_in: str = ""
