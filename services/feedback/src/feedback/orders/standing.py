"""How one order stands now, which is what money is decided by; the usage question goes by how it stood when due."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from common.events.orders import OrderRefunded
from common.events.standing import OrderStanding
from feedback.orders.rules import OrderInput

CAME = ("delivered", "completed")
"""States of an order whose goods have come."""


@dataclass(frozen=True, slots=True)
class Stood:
    """`remaining`: what is paid for its goods and not refunded, in minor units; 0 where it is void.

    `came_at`: when its goods came first, None: they have not. `void`: closed, or refunded whole by lines, by the shop's
    mark or by money. `completed`: it was, and is not void.
    """

    remaining: int
    currency: str
    came_at: datetime | None
    completed: bool
    void: bool


def stood(inputs: Iterable[OrderInput]) -> Stood | None:
    """What all inputs of one order come to, in whatever order they are given; None: no version is known."""
    standing, came = OrderStanding(), list[datetime]()
    for given in sorted(inputs, key=lambda i: (i.at, i.rank, i.cause)):
        if isinstance(given.body, OrderRefunded):
            standing.take_refund(given.body)
            continue
        standing.take(given.body)
        if given.body.state in CAME:
            came.append(given.at)
    if not standing.known:
        return None
    paid = standing.state != "placed"
    return Stood(
        remaining=standing.net if paid else 0,
        currency=standing.currency,
        came_at=min(came, default=None),
        completed=standing.counts,
        void=standing.void,
    )
