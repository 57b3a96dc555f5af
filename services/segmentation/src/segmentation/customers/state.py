"""What does segmentation remember of a customer?"""

from __future__ import annotations

from datetime import date, datetime
from functools import cached_property
from typing import Literal, NamedTuple

from pydantic import BaseModel

from common.events.segments import LifeCycle, Stage
from common.events.standing import OrderStanding
from segmentation.purchases.book import Book

Method = Literal["fixed", "mean"]
Confidence = Literal["low", "medium", "high"]


class KnownOrder(NamedTuple):
    """An order as far as it is known, completed or not; `paid` for goods in minor units, before refunds.

    `at`, and `day` in the shop's zone, are those of the first version that said completed, None before. `gone`: the
    day since which it counts for nothing, closed or refunded whole. `day`, `paid`, `currency` and `gone` are read by
    position in the statements of `store/` (2, 3, 4, 5), so that figures of a whole shop need no time zone in SQL.
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


class Rfm(NamedTuple):
    """A score (SEG-019, SEG-020). `recency_days` whole days, `monetary` minor units of `currency`.

    The class is read by position in the migration.
    """

    cell: str
    rfm_class: str
    method: Method
    confidence: Confidence
    recency_days: int
    frequency: int
    monetary: int
    currency: str
    others: tuple[tuple[str, int], ...] = ()  # spent in other currencies than the shop's: (currency, minor units)


class CustomerState(BaseModel):
    """The fold of one customer's inputs, of the shop's figures and of its thresholds.

    It changes with the customer's own inputs and where time, figures or thresholds change what is told of them
    (`judge.Verdict`), and not otherwise: months that change nothing leave it as it is, so that nobody has to write it.
    R, F and M and the usual gap are therefore those of the last change; `judge.as_of` brings them up to an instant.
    `orders` and `refunds` stand in the order in which they were first heard of.
    """

    shop: str = ""
    orders: list[KnownOrder] = []
    refunds: list[Refund] = []
    completed: int = 0  # orders that count: completed, and neither closed nor refunded whole
    first_day: date | None = None  # first and last calendar date with a completed order, and how many such dates
    last_day: date | None = None
    buying_days: int = 0
    stage: Stage | None = None
    is_repurchaser: bool = False
    gap: tuple[int, int] | None = None  # usual gap in days when last judged, an exact fraction
    life_cycle: LifeCycle | None = None
    rfm: Rfm | None = None
    lapsed: date | None = None  # the episode: date of the last completed order before the lapse
    judged_at: datetime | None = None  # the input or due that last changed anything of the above
    scored_at: datetime | None = None  # the same for `rfm`
    figures: date | None = None  # the month whose figures `rfm` was scored by, None before the shop has any

    @property
    def own_gaps(self) -> int:
        """Number of gaps between different calendar dates with completed orders."""
        return max(self.buying_days - 1, 0)

    @cached_property
    def book(self) -> Book:
        """The index of the history; not stored."""
        return Book(self.orders, self.refunds)
