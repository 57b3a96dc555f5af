"""Weeks that fall out of what is usual: against the mean of the weeks before, beyond what chance does (ANA-045)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from segmentation.kpis.rules import percent

Kpi = Literal["orders", "buyers", "returning_buyers", "net", "per_order", "complaints", "low_reviews"]
COUNTS: tuple[Kpi, ...] = ("orders", "buyers", "returning_buyers", "complaints", "low_reviews")
"""Of a count of n chance alone makes some root of n; of amounts, of the orders that they come of."""
WORSE_WHEN_HIGHER: tuple[Kpi, ...] = ("complaints", "low_reviews")
DEVIATIONS = 2
HUNDRED = 100


class Anomaly(NamedTuple):
    """`change`: percent of the usual, negative where it fell; None: it was 0. `worse`: not the good direction."""

    kpi: Kpi
    value: int
    usual: Decimal
    change: Decimal | None
    worse: bool


def anomalies(weeks: Sequence[Mapping[Kpi, int]], least_percent: int) -> list[Anomaly]:
    """What of the last of these weeks, oldest first, differs by `least_percent` or more from the mean of the others.

    What chance does alone is left out: two standard deviations of a count as large as the usual one.
    """
    if len(weeks) < 2:
        return []
    *before, last = weeks
    orders = Fraction(sum(week["orders"] for week in before), len(before))
    found = []
    for kpi, value in last.items():
        usual = Fraction(sum(week[kpi] for week in before), len(before))
        apart = abs(value - usual)
        if HUNDRED * apart < least_percent * usual or not apart:
            continue
        if kpi in COUNTS:
            chance = max(usual, Fraction(1))
        else:
            # As far apart as so many orders, if each were worth the same.
            apart, chance = (apart / usual * orders if usual else Fraction(0)), max(orders, Fraction(1))
        if apart * apart <= DEVIATIONS * DEVIATIONS * chance:
            continue
        change = percent((value - usual) / usual, 1) if usual else None
        mean = Decimal(usual.numerator) / Decimal(usual.denominator)
        worse = (value > usual) == (kpi in WORSE_WHEN_HIGHER)
        found.append(Anomaly(kpi, value, mean.quantize(Decimal("0.01")), change, worse))
    return sorted(found, key=lambda each: (not each.worse, each.kpi))
