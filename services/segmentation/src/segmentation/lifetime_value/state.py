"""What is fitted to a shop once a month, and what of a customer goes into a prediction."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from common.events.segments import FitStatus, RepeatModel
from segmentation.lifetime_value.order_value import Spending, Spent
from segmentation.lifetime_value.repeat_buying import Buying, Repeating
from segmentation.shop_statistics.state import number_of


class LifetimeFit(BaseModel):
    """The models as of 00:00 on the 1st of `month` in the shop's zone (`as_of`), as they were announced.

    Fitted to `sampled` of the `buyers` with an order before that. `repeating` and `spending` are None where they could
    not be fitted, `problems` says why. `grades`: the lifetime value over `horizon_days`, minor units of `currency`,
    that each fifth of the buyers but the highest ends with.
    """

    model_config = ConfigDict(frozen=True)

    month: date
    as_of: datetime
    edition: int = 0
    model: RepeatModel
    status: FitStatus
    problems: tuple[str, ...] = ()
    buyers: int = 0
    repeat_buyers: int = 0
    sampled: int = 0
    repeating: Repeating | None = None
    log_likelihood: float | None = None
    currency: str
    spending: Spending | None = None
    correlation: float | None = None
    horizon_days: int
    grades: tuple[int, ...] = ()

    @property
    def number(self) -> int:
        """That of the statistics it goes with, by which it is stored and announced."""
        return number_of(self.month, self.edition)


class Bought(NamedTuple):
    """What a customer bought until a date: days of buying after the first, days from the first to the last, and until
    then; days on which the currency was spent, and how much in all, less refunds, in minor units."""

    x: int
    last: int
    age: int
    days: int
    total: int

    @property
    def buying(self) -> Buying:
        return self.x, self.last, self.age

    def spent(self, unit: int) -> Spent | None:
        """Days and mean in units of the currency, of so many minor ones; None where nothing was spent in it."""
        return (self.days, self.total / self.days / unit) if self.days and self.total > 0 else None
