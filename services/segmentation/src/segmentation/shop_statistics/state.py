"""Monthly statistics of a shop, made as of 00:00 on the 1st and announced; inputs of every fold.

Of a month there are several editions where much of the history before it was told later; the newest counts.
"""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction

from pydantic import BaseModel, ConfigDict

from common.events.segments import Confidence, Method, Scoring
from segmentation.thresholds.state import DEFAULT, GapRules, RfmRules

EDITIONS = 100
"""Editions of a month's statistics that are told apart."""


class ShopStatistics(BaseModel):
    """Statistics of one shop as of 00:00 on the 1st of `month` in its zone (`as_of`), exact: sums beside counts.

    `median_gap_doubled`: twice the median gap in days, None without gaps. `recency_sum` (days) and `frequency_sum` are
    over the `buyers` of the `window_months` before; `monetary` maps a currency to (sum in minor units, buyers).
    `orders`: all that were known of before. `edition`: 0 for the first of the month.
    """

    model_config = ConfigDict(frozen=True)

    month: date
    as_of: datetime
    edition: int = 0
    orders: int = 0
    gaps: int = 0
    median_gap_doubled: int | None = None
    buyers: int = 0
    recency_sum: int = 0
    frequency_sum: int = 0
    monetary: dict[str, tuple[int, int]] = {}
    window_months: int = DEFAULT.rfm.window_months
    scoring: Scoring = "mean"
    tops: tuple[tuple[int, ...], ...] = ()
    """Where `scoring` is by grades: for each of R, F and M the last value of each fifth of the buyers but one,
    in the measures of `shop_statistics.grades`; M is that of the shop's currency."""

    @property
    def number(self) -> int:
        """By which they are stored and announced."""
        return number_of(self.month, self.edition)

    def outgrown_by(self, orders: int, share: Fraction) -> bool:
        """Whether so many orders are more than were known, by that share of them or more."""
        return orders > self.orders and orders - self.orders >= share * self.orders

    def shop_gap_doubled(self, rules: GapRules) -> int:
        """Twice the shop's gap in days; the rules' default until enough gaps are known."""
        if self.gaps < rules.gaps_needed or self.median_gap_doubled is None:
            return 2 * rules.default_days
        return self.median_gap_doubled

    def method(self, rules: RfmRules) -> Method:
        """The rules' method from a number of buyers on (by default 30), as soon as there are statistics for it."""
        if rules.method == "fixed" or self.buyers < rules.buyers_needed:
            return "fixed"
        return self.scoring if self.scoring == rules.method and self.tops else "mean"

    def confidence(self, rules: RfmRules) -> Confidence:
        """How much stands behind the boundaries: fixed ones are a guess; 300 buyers make a steady mean."""
        if self.method(rules) == "fixed":
            return "low"
        return "high" if self.buyers >= rules.buyers_for_high_confidence else "medium"


def number_of(month: date, edition: int = 0) -> int:
    """The number of an edition of what is made for a month: a later month's is higher, and of one month a later one's.

    Raises ValueError for an edition beyond 99: each is made of a quarter more orders, so the last of billions.
    """
    if not 0 <= edition < EDITIONS:
        raise ValueError(f"edition {edition} of {month}: there are {EDITIONS} of a month at most")
    return EDITIONS * (12 * month.year + month.month - 1) + edition


def month_of(number: int) -> date:
    """The month of that number."""
    months = number // EDITIONS
    return date(months // 12, months % 12 + 1, 1)
