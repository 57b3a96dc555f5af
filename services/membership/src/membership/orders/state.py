"""A member's orders as membership knows them, and refunds of orders that nobody knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, NamedTuple

from common.events.standing import OrderStanding
from membership.member import PartState

FINE = 1000
"""Spend is summed in thousandths of the currency unit."""


@dataclass(slots=True)
class Order(OrderStanding):
    """An order, or the refund that came before it. Amounts in minor units; `unit` of them are 1.00.

    `unit` 0: paid in another currency than the shop's, so it counts as an order and its amount for nothing.
    """

    unit: int = 100
    paid_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A refund of no known order, in thousandths of the shop's currency: it lessens the spend at its own time."""

    at: datetime
    spend: int


@dataclass(slots=True)
class Orders(PartState):
    """`by_id`: orders by their id; `unmatched`: refunds of no known order by refund id."""

    NAME: ClassVar[str] = "orders"
    by_id: dict[str, Order] = field(default_factory=dict)
    unmatched: dict[str, Unmatched] = field(default_factory=dict)


class OrderChange(NamedTuple):
    """What one input did to one order. `completed`: it completed by this input. `counted`: it counted before it."""

    order_id: str
    order: Order
    completed: bool
    counted: bool
