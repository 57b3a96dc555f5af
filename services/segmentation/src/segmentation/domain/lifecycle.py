"""Where in the life cycle is a customer, measured in their own usual gap between orders? (SEG-009 to SEG-013)"""

from __future__ import annotations

from fractions import Fraction

from common.events.segments import LifeCycle
from segmentation.domain.state import Confidence

DEFAULT_SHOP_GAP_DOUBLED = 120
"""Twice the shop's gap in days until 30 gaps are known (defaults.md: 60 days)."""
SHORTEST_DAYS, LONGEST_DAYS = 7, 365
# (name, how many usual gaps it lasts at most); after the last comes `dead`.
LADDER: tuple[tuple[LifeCycle, int], ...] = (("active", 1), ("sleeping", 2), ("pre_churn", 3), ("churned", 6))
LONGEST_CHURNED_DAYS = LADDER[-1][1] * LONGEST_DAYS
"""After so many days a customer is dead whatever the shop's gap becomes."""


def usual_gap(shop_gap_doubled: int, own_gaps_sum: int, own_gaps: int) -> tuple[int, int]:
    """Usual gap of a customer in days as numerator and denominator, exact, within 7 to 365 days.

    (2 x shop's gap + sum of own gaps) / (2 + number of own gaps): own 10 and 20, shop 60 give 37.5. The shop's gap
    comes doubled, because a median of whole days may end in a half.
    """
    numerator, denominator = shop_gap_doubled + own_gaps_sum, 2 + own_gaps
    if numerator < SHORTEST_DAYS * denominator:
        return SHORTEST_DAYS, 1
    if numerator > LONGEST_DAYS * denominator:
        return LONGEST_DAYS, 1
    return numerator, denominator


def life_cycle(days: int, gap: tuple[int, int]) -> LifeCycle:
    """Life cycle `days` whole days after the date of the last completed order; borders belong to the earlier part."""
    numerator, denominator = gap
    for name, gaps in LADDER:
        if days * denominator <= gaps * numerator:
            return name
    return "dead"


def next_change(days: int, gap: tuple[int, int]) -> int | None:
    """The first day (days after the last order, more than `days`) on which the life cycle differs; None: never."""
    numerator, denominator = gap
    for _, gaps in LADDER:
        if days * denominator <= gaps * numerator:
            return gaps * numerator // denominator + 1
    return None


def confidence(own_gaps: int) -> Confidence:
    """How much of the usual gap is the customer's own (defaults.md): 0, 1 to 2, 3 or more own gaps."""
    return "low" if own_gaps == 0 else "medium" if own_gaps <= 2 else "high"


def in_days(gap: tuple[int, int]) -> float:
    """The gap for people to read: rounded to hundredths of a day, halves to even; nothing is decided by it."""
    return float(round(Fraction(*gap), 2))
