"""Orders and refunds as they are kept of a customer."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from common.events.standing import OrderStanding


class KnownOrder(NamedTuple):
    """An order as far as it is known, completed or not; `paid` for goods in minor units, before refunds.

    `at`, and `day` in the shop's zone, are those of the first version that said completed, None before. `gone`: the
    day since which it counts for nothing, closed or refunded whole. `day`, `paid`, `currency` and `gone` are read by
    position (2, 3, 4, 5) in the statements of `shop_statistics.store` and `report.store`, so that statistics of a
    whole shop need no time zone in SQL.
    """

    order_id: str
    at: datetime | None
    day: date | None
    paid: int
    currency: str
    gone: date | None
    standing: OrderStanding

    @property
    def counts(self) -> bool:
        """Completed, and neither closed nor refunded whole."""
        return self.standing.counts


class Refund(NamedTuple):
    """One refund of goods, minor units.

    `order_id` is None for a refund of the customer that no order could be found for. Read by position, as above.
    """

    refund_id: str
    order_id: str | None
    at: datetime
    day: date
    amount: int
    currency: str
