"""The cost of a customer who was won beside that of one who is kept (ANA-024): each amount counts once (0071)."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, NamedTuple

ACQUIRING = ("new_customer", "first_purchase", "friends")
"""Purposes of offers that are there to win customers; every other one is there to keep them."""
FRIENDS_LOTS = "|referral/%"
"""The lots of points that were given for bringing, or having been brought (payouts' origin `referral/…`)."""
Reason = Literal["nobody_new", "nobody_kept"]


class Costs(NamedTuple):
    """Minor units of one side in a period; `customers`: of whom it is the cost."""

    offers: int
    points: int
    cash: int
    surprises: int
    customers: int

    @property
    def total(self) -> int:
        return self.offers + self.points + self.cash + self.surprises

    @property
    def each(self) -> int | None:
        """By customer, rounded down; None: there is none."""
        return self.total // self.customers if self.customers else None


def times(won: Costs, kept: Costs) -> Decimal | None:
    """How many times the cost of keeping a customer winning one is; None: one is unknown, or keeping is free."""
    if not won.customers or not kept.customers or not kept.total:
        return None
    ratio = Decimal(won.total) * kept.customers / (Decimal(won.customers) * kept.total)
    return ratio.quantize(Decimal("0.01"))
