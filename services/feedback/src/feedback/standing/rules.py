"""How one order stands now, which is what money is decided by; the usage question goes by how it stood when due."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from common.events.orders import OrderEvent, OrderRefunded
from common.events.standing import OrderStanding

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


def stood(told: Iterable[tuple[datetime, OrderEvent | OrderRefunded]]) -> Stood | None:
    """What versions and refunds of one order, with their times, come to, in whatever order; None: no version came."""
    standing, came = OrderStanding(), list[datetime]()
    for at, body in told:
        if isinstance(body, OrderRefunded):
            standing.take_refund(body)
            continue
        standing.take(body)
        if body.state in CAME:
            came.append(at)
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
