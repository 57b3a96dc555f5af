"""Orders and refunds as they are kept of a customer, each an item of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from common.events.standing import OrderStanding


@dataclass(slots=True)
class KnownOrder(OrderStanding):
    """An order as far as it is known, completed or not.

    `day`, in the shop's zone, is that of the first version that said completed, None before; it does not move. `gone`:
    the day since which the order counts for nothing, closed or refunded whole.
    """

    day: date | None = None
    gone: date | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund of goods, minor units; `order_id` is None where no order could be found for it."""

    amount: int
    currency: str
    day: date
    order_id: str | None = None


Item = Refund | KnownOrder
"""A refund is tried first where an item is read: it alone has fields that must be there."""


class Sale(NamedTuple):
    """What one item adds to the shop's totals, in minor units: a completed order with its refunds, or a refund of none.

    `orders`: 1 or 0. `refunded` is at most what was `paid`, where an order was.
    """

    name: str
    day: date
    gone: date | None
    currency: str
    orders: int
    paid: int
    refunded: int


def sale_of(name: str, item: Item) -> Sale | None:
    """None for an order that has not completed, and for a refund that its order counts."""
    if isinstance(item, Refund):
        return None if item.order_id is not None else Sale(name, item.day, None, item.currency, 0, 0, item.amount)
    if item.day is None:
        return None
    return Sale(name, item.day, item.gone, item.currency, 1, item.goods, min(item.goods, item.refunded))


def order_item(order_id: str) -> str:
    """The name of an order's item."""
    return f"order/{order_id}"


def refund_item(refund_id: str) -> str:
    """The name of a refund's item: each counts once by its id, whatever order it names."""
    return f"refund/{refund_id}"
