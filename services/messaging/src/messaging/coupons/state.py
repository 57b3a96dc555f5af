"""A coupon as a message needs it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple


class Coupon(NamedTuple):
    """`used_at`: when it was reserved or used on an order; None: it has not been, or was given back."""

    code: str
    offer_id: str
    valid_from: datetime
    valid_until: datetime
    used_at: datetime | None = None

    def usable(self, at: datetime) -> bool:
        """Whether the customer can use it at `at`."""
        return self.valid_from <= at < self.valid_until and (self.used_at is None or self.used_at > at)


def best(coupons: Iterable[Coupon], at: datetime, offer_id: str | None = None) -> Coupon | None:
    """The usable coupon that ends first, of this offer where one is named."""
    usable = [c for c in coupons if c.usable(at) and offer_id in (None, c.offer_id)]
    return min(usable, key=lambda c: (c.valid_until, c.code), default=None)
