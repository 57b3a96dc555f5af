"""Weeks that fall out of what is usual: against the mean of the weeks before, beyond what chance does (ANA-045)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from segmentation.kpis.rules import percent

Kpi = Literal["orders", "buyers", "returning_buyers", "net", "per_order", "complaints", "low_reviews"]
Figure = Literal[Kpi, "priced"]
"""`priced`, of a week: the orders in the currency of its amounts, where that is not all of them."""
COUNTS: tuple[Kpi, ...] = ("orders", "buyers", "returning_buyers", "complaints", "low_reviews")
"""Of a count of n chance alone makes some root of n more or less."""
WORSE_WHEN_HIGHER: tuple[Kpi, ...] = ("complaints", "low_reviews")
DEVIATIONS = 2.5
"""Beyond which a difference is no chance; `python -m bench.alarms` counts how often a quiet year is called unusual."""
HUNDRED = 100


class Anomaly(NamedTuple):
    """`change`: percent of the usual, negative where it fell; None: it was 0. `worse`: not the good direction."""

    kpi: Kpi
    value: int
    usual: Decimal
    change: Decimal | None
    worse: bool


def anomalies(weeks: Sequence[Mapping[Figure, int]], least_percent: int) -> list[Anomaly]:
    """What of the last of these weeks, oldest first, differs by `least_percent` or more from the mean of the others.

    What chance does alone is left out: differences of a count within two and a half standard deviations of a count as
    large as the usual one and of the mean of the weeks before, which is off by chance as well. Amounts go by the orders
    that they come of, in their currency; the mean of an order by those of the week, where it had fewer. What a week
    does not have (the mean of an order, where nobody ordered) is not compared, and is in no mean.
    """
    if len(weeks) < 2:
        return []
    *before, last = weeks
    priced = [week.get("priced", week["orders"]) for week in weeks]
    orders = Fraction(sum(priced[:-1]), len(before))
    found = []
    for kpi, value in last.items():
        if kpi == "priced":
            continue
        known = [week[kpi] for week in before if kpi in week]
        if not known:
            continue
        usual = Fraction(sum(known), len(known))
        apart = abs(value - usual)
        if HUNDRED * apart < least_percent * usual or not apart:
            continue
        if kpi in COUNTS:
            is_chance = _is_chance(value, float(usual), len(known))
        else:
            # As far apart as so many orders, if each were worth the same.
            many = min(float(orders), priced[-1]) if kpi == "per_order" else float(orders)
            is_chance = _is_chance(many * float(value / usual) if usual else many, many, len(known))
        if is_chance:
            continue
        change = percent((value - usual) / usual, 1) if usual else None
        mean = Decimal(usual.numerator) / Decimal(usual.denominator)
        worse = (value > usual) == (kpi in WORSE_WHEN_HIGHER)
        found.append(Anomaly(kpi, value, mean.quantize(Decimal("0.01")), change, worse))
    return sorted(found, key=lambda each: (not each.worse, each.kpi))


def _is_chance(count: float, usual: float, weeks: int) -> bool:
    """Whether a count may differ so from the mean of so many others by chance alone.

    Roots of counts scatter alike, whatever is usual (Anscombe 1948): of few a rise is taken for chance more readily.
    """
    apart = 2 * abs(math.sqrt(count + 3 / 8) - math.sqrt(usual + 3 / 8))
    return apart <= DEVIATIONS * math.sqrt(1 + 1 / weeks)
