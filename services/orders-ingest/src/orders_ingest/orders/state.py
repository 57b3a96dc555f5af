"""An order as it is known while new versions and refunds of it are taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

Named = tuple[str, str]
"""(shop, order)."""
Rank = tuple[int, int, str, str]
"""(revision, state number, source, event id): the greatest is an order's newest version."""


class Told(NamedTuple):
    """When an order was first told as reaching a state, by the `time` of its versions; None: it was not."""

    paid_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None


class PaidBack(NamedTuple):
    """A refund that counts: when it was, and its goods and freight together, in minor units.

    `in_all_at`: it is what a sum of all until then had more than counted. `counted_before`: what of it such a sum had
    counted.
    """

    at: datetime
    amount: int
    in_all_at: datetime | None = None
    counted_before: int = 0


@dataclass(slots=True)
class KnownOrder:
    """An order by its newest version, and what was paid back of it; amounts in minor units of `currency`.

    All of an order is published under one `customer`, also after another one absorbed it; '' where none is known.
    `reached` has a bit for each state that it was told in.
    """

    customer: str
    numbered: bool
    rank: Rank
    state: str
    currency: str
    goods_paid: int
    freight: int
    refunded: int = 0
    refunded_freight: int = 0
    reached: int = 0
    paid_back: list[PaidBack] = field(default_factory=list)

    def pay_back(self, goods: int, freight: int, refund: PaidBack) -> None:
        """One more refund counts."""
        self.refunded += goods
        self.refunded_freight += freight
        self.paid_back.append(refund)
