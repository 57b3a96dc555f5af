"""Rules of the life cycle, measured in the customer's usual gap between orders (SEG-009 to SEG-013, SEG-035)."""

from __future__ import annotations

from common.events.segments import Confidence, LifeCycle
from common.values.plurals import counted
from segmentation.thresholds.state import GapRules, LifeCycleRules


def usual_gap(shop_gap_doubled: int, own_gaps_sum: int, own_gaps: int, rules: GapRules) -> tuple[int, int]:
    """Usual gap of a customer in days as numerator and denominator, exact, within the rules' 7 to 365 days.

    (2 x shop's gap + sum of own gaps) / (2 + number of own gaps), 2 being the rules' `shop_weight`: own 10 and 20,
    shop 60 give 37.5. The shop's gap comes doubled, because a median of whole days may end in a half.
    """
    numerator, denominator = rules.shop_weight * shop_gap_doubled + 2 * own_gaps_sum, 2 * (rules.shop_weight + own_gaps)
    if numerator < rules.shortest_days * denominator:
        return rules.shortest_days, 1
    if numerator > rules.longest_days * denominator:
        return rules.longest_days, 1
    return numerator, denominator


def life_cycle(days: int, gap: tuple[int, int], rules: LifeCycleRules) -> LifeCycle:
    """Life cycle `days` whole days after the date of the last completed order; borders belong to the earlier part."""
    numerator, denominator = gap
    for name, percent in rules.ladder:
        if 100 * days * denominator <= percent * numerator:
            return name
    return "dead"


def next_change(days: int, gap: tuple[int, int], rules: LifeCycleRules) -> int | None:
    """The first day (days after the last order, more than `days`) on which the life cycle differs; None: never."""
    numerator, denominator = gap
    for _, percent in rules.ladder:
        border = percent * numerator // (100 * denominator)
        # Borders that fall on one day leave no day to the part between them.
        if border >= days:
            return border + 1
    return None


def confidence(own_gaps: int, rules: GapRules) -> Confidence:
    """How much of the usual gap is the customer's own: 0, 1 to 2, 3 or more own gaps."""
    return "low" if own_gaps < rules.medium_from else "medium" if own_gaps < rules.high_from else "high"


def in_days(gap: tuple[int, int]) -> float:
    """The gap for people to read: rounded to hundredths of a day, halves to even; nothing is decided by it."""
    numerator, denominator = gap
    hundredths, rest = divmod(100 * numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and hundredths % 2):
        hundredths += 1
    return hundredths / 100


def why(days: int, gap: tuple[int, int], own_gaps: int) -> str:
    """The reason for the life cycle in a sentence, for the shop's people."""
    return (
        f"{counted(days, 'day')} since the last completed order; the usual gap is {in_days(gap):g} days, "
        f"from {counted(own_gaps, 'own gap')} and the shop's"
    )
