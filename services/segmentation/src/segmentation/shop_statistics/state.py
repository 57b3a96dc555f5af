"""Monthly statistics of a shop, frozen at 00:00 on the 1st; inputs of every fold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from common.events.segments import Confidence, Method
from segmentation.thresholds.state import DEFAULT, GapRules, RfmRules


@dataclass(frozen=True, slots=True)
class ShopStatistics:
    """Statistics of one shop as of 00:00 on the 1st of `month` in its zone (`as_of`), exact: sums beside counts.

    `median_gap_doubled`: twice the median gap in days, None without gaps. `recency_sum` (days) and `frequency_sum` are
    over the `buyers` of the `window_months` before; `monetary` maps a currency to (sum in minor units, buyers).
    """

    month: date
    as_of: datetime
    gaps: int = 0
    median_gap_doubled: int | None = None
    buyers: int = 0
    recency_sum: int = 0
    frequency_sum: int = 0
    monetary: dict[str, tuple[int, int]] = field(default_factory=dict)
    window_months: int = DEFAULT.rfm.window_months

    def shop_gap_doubled(self, rules: GapRules) -> int:
        """Twice the shop's gap in days; the rules' default until enough gaps are known."""
        if self.gaps < rules.gaps_needed or self.median_gap_doubled is None:
            return 2 * rules.default_days
        return self.median_gap_doubled

    def method(self, rules: RfmRules) -> Method:
        """Mean split from a number of buyers on (by default 30)."""
        return "mean" if self.buyers >= rules.buyers_needed else "fixed"

    def confidence(self, rules: RfmRules) -> Confidence:
        """How much stands behind the boundaries: fixed ones are a guess; 300 buyers make a steady mean."""
        if self.method(rules) == "fixed":
            return "low"
        return "high" if self.buyers >= rules.buyers_for_high_confidence else "medium"
