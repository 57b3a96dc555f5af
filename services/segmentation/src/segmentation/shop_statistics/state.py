"""Monthly statistics of a shop, made as of 00:00 on the 1st and announced; inputs of every fold."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from common.events.segments import Confidence, Method, Scoring
from segmentation.thresholds.state import DEFAULT, GapRules, RfmRules


class ShopStatistics(BaseModel):
    """Statistics of one shop as of 00:00 on the 1st of `month` in its zone (`as_of`), exact: sums beside counts.

    `median_gap_doubled`: twice the median gap in days, None without gaps. `recency_sum` (days) and `frequency_sum` are
    over the `buyers` of the `window_months` before; `monetary` maps a currency to (sum in minor units, buyers).
    """

    model_config = ConfigDict(frozen=True)

    month: date
    as_of: datetime
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
        """The month's number, by which its statistics are stored and announced: one more each month."""
        return 12 * self.month.year + self.month.month - 1

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


def month_of(number: int) -> date:
    """The month of that number."""
    return date(number // 12, number % 12 + 1, 1)
