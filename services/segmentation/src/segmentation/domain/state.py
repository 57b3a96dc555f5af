"""What does segmentation remember of a customer?"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, NamedTuple

from pydantic import BaseModel

from common.events.segments import LifeCycle, Stage

Method = Literal["fixed", "mean"]
Confidence = Literal["low", "medium", "high"]


class CompletedOrder(NamedTuple):
    """`paid` is what was paid for goods, minor units, before refunds; `day` is the shop's calendar date of `at`.

    The date is kept beside the instant so that figures of a whole shop need no time zone in SQL. Stored as a JSON
    array in this order of fields: the statements in `store/` read them by position.
    """

    order_id: str
    at: datetime
    day: date
    paid: int
    currency: str
    revision: int


class Refund(NamedTuple):
    """One refund of goods, minor units; it waits here when its order has not completed (or not come) yet.

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


class CustomerState(BaseModel):
    """The fold of one customer's inputs, of the shop's figures and of its thresholds.

    It changes with the customer's own inputs and where time, figures or thresholds change what is told of them
    (`judge.Verdict`), and not otherwise: months that change nothing leave it as it is, so that nobody has to write it.
    R, F and M and the usual gap are therefore those of the last change; `judge.as_of` brings them up to an instant.
    `orders` and `refunds` stand in the order of the fold, hence by time.
    """

    shop: str = ""
    orders: list[CompletedOrder] = []
    refunds: list[Refund] = []
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
    waited: date | None = None  # folded past this month's start before its figures were known: to be folded anew

    @property
    def own_gaps(self) -> int:
        """Number of gaps between different calendar dates with completed orders."""
        return max(self.buying_days - 1, 0)
